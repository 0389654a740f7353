"""Loads gateway.yaml: a `GatewayConfig`, or one error that lists every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from wasmgate.config.file_origin import FileOrigin
from wasmgate.config.models import GatewayConfig
from wasmgate.config.problems import Problem, explain
from wasmgate.config.references import dangling
from wasmgate.config.resolution import ReferenceResolver
from wasmgate.config.yaml_source import read_yaml
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from wasmgate.config.yaml_source import Source

__all__ = ["load"]

MAX_FILE = 4 * 1024 * 1024
SHOWN = 50


def load(path: str | Path) -> GatewayConfig:
    """Return the checked configuration of gateway.yaml; policies are neither compiled nor started.

    Args:
        path: The file.

    Raises:
        ConfigError: The file has mistakes. `problems` has one line for each: file, line, key path
            and what is wrong.
    """
    file = Path(path)
    source = read_yaml(_text(file))
    readable = source.data is not None or not source.problems
    config = _validated(source, file) if readable else None
    if config is None or source.problems:
        raise _error(file, source.problems)
    return config


def _text(file: Path) -> str:
    where = str(file.absolute())
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "not a file name"
        hint = "name the gateway's YAML file, such as gateway.yaml"
        raise ConfigError(f"{file} cannot be read: {said}", where=where, hint=hint) from error
    if len(content) > MAX_FILE:
        hint = "name the gateway's YAML file; one of ten thousand routes has 1 MiB"
        raise ConfigError(f"{file} is larger than 4 MiB", where=where, hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "save the file in the encoding UTF-8"
        raise ConfigError(f"{file}:{line}: not UTF-8 text", where=where, hint=hint) from error


def _validated(source: Source, file: Path) -> GatewayConfig | None:
    resolver = ReferenceResolver(file.absolute().parent)
    data = resolver.resolve(_without_extensions(source.data))
    found = [*resolver.problems, *dangling(data)]
    config = None
    try:
        config = GatewayConfig.model_validate(data).read_from(FileOrigin(file, source))
    except ValidationError as error:
        # `references` repeats what `dangling` reports with its place.
        details = [detail for detail in error.errors() if detail["type"] != "references"]
        explained = [explain(detail, GatewayConfig) for detail in details]
        # A text that could not be read or expanded is none, which is not another problem.
        reported = {problem.path for problem in source.problems}
        found += [mistake for mistake in explained if mistake.path not in reported]
    source.problems += [
        Problem(source.line(one.path), one.path, source.masked(one.text), source.masked(one.hint))
        for one in found
    ]
    return config


def _without_extensions(data: object) -> object:
    """Leave out the keys `x-…` of the top level, which hold anchors for aliases."""
    if not isinstance(data, dict):
        return data
    return {key: value for key, value in data.items() if not key.startswith("x-")}


def _error(file: Path, problems: list[Problem]) -> ConfigError:
    ordered = sorted(problems, key=lambda problem: problem.line)
    lines = [problem.shown(str(file)) for problem in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        lines.append(f"{file}: and {len(ordered) - SHOWN} more")
    count = "a problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    # The hint of several problems is that of the first line.
    first = "" if len(ordered) == 1 else f"line {ordered[0].line}: "
    return ConfigError(f"{file} has {count}", hint=first + ordered[0].hint, problems=tuple(lines))
