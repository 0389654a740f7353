"""From a file to a `GatewayConfig`, or to one error that lists every mistake in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from wasmgate.config.models import GatewayConfig
from wasmgate.config.problems import Problem, explain
from wasmgate.config.references import dangling
from wasmgate.config.surroundings import Surroundings
from wasmgate.config.yaml_source import read_yaml
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from wasmgate.config.yaml_source import Source

__all__ = ["load"]

MAX_FILE = 4 * 1024 * 1024
SHOWN = 50


def load(path: str | Path) -> GatewayConfig:
    """Read gateway.yaml.

    Raises ConfigError whose `problems` has a line for every mistake: file, line, key path and what
    is wrong. The file is read once; policies are neither compiled nor started.
    """
    file = Path(path)
    source = read_yaml(_text(file))
    readable = source.data is not None or not source.problems
    config = _validated(source, file.absolute().parent) if readable else None
    if config is None or source.problems:
        raise _error(file, source.problems)
    return config


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}",
            where=str(file.absolute()),
            hint="name the gateway's YAML file, such as gateway.yaml",
        ) from error
    if len(content) > MAX_FILE:
        raise ConfigError(f"{file} is larger than 4 MiB", where=str(file.absolute()))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: not UTF-8 text", where=str(file.absolute())) from error


def _validated(source: Source, folder: Path) -> GatewayConfig | None:
    surroundings = Surroundings(folder)
    data = surroundings.resolve(source.data)
    found = [*surroundings.problems, *dangling(data)]
    config = None
    try:
        config = GatewayConfig.model_validate(data)
    except ValidationError as error:
        # `references` repeats what `dangling` has said with its place.
        details = [detail for detail in error.errors() if detail["type"] != "references"]
        found += [explain(detail, GatewayConfig) for detail in details]
    source.problems += [Problem(source.line(path), path, text) for path, text in found]
    return config


def _error(file: Path, problems: list[Problem]) -> ConfigError:
    ordered = sorted(problems, key=lambda problem: problem.line)
    lines = [problem.shown(str(file)) for problem in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        lines.append(f"{file}: and {len(ordered) - SHOWN} more")
    count = "a problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    return ConfigError(
        f"{file} has {count}",
        hint="the configuration reference lists every key",
        problems=tuple(lines),
    )
