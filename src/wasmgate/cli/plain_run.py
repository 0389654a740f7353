"""Reads the command line of `wasmgate run` without typer, if it is plain.

Only a command line that cannot be a mistake is read here; typer reads all others, so that help and
messages about mistakes have one source. A test compares both for each option.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmgate.cli.run_options import LogLevel, RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["FLAGS", "VALUES", "options_of"]

_NUMBER = re.compile(r"[0-9]{1,9}")


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return read


_COUNT = _number(1, 10**9)

VALUES: Mapping[str, Callable[[str], object]] = {
    "--host": str,
    "--port": _number(0, 65535),
    "--threads": _COUNT,
    "--workers": _COUNT,
    "--tls-certificate": Path,
    "--tls-key": Path,
    "--log-level": LogLevel,
}
"""Options with a value, and what reads it; it raises ValueError."""

FLAGS: Mapping[str, tuple[str, bool]] = {
    "--access-log": ("access_log", True),
    "--no-access-log": ("access_log", False),
    "--asgi": ("asgi", True),
}
"""Options without a value, and what each sets."""


def options_of(arguments: Sequence[str]) -> RunOptions | None:
    """Return the options of `run …`; nothing for another command and for what is not plain."""
    if arguments[:1] != ["run"]:
        return None
    found: dict[str, Any] = {}
    rest = iter(arguments[1:])
    try:
        for argument in rest:
            name, value = _read(argument, rest)
            if name in found:
                return None
            found[name] = value
        options = RunOptions(**found)
    except (ValueError, TypeError, StopIteration):
        return None
    return None if options.contradiction() else options


def _read(argument: str, rest: Iterator[str]) -> tuple[str, object]:
    if argument in FLAGS:
        return FLAGS[argument]
    name, equals, value = argument.partition("=")
    if name in VALUES:
        value = value if equals else next(rest)
        if value and not value.startswith("-"):
            return name[2:].replace("-", "_"), VALUES[name](value)
    elif argument and not argument.startswith("-"):
        return "config", Path(argument)
    raise ValueError(argument)
