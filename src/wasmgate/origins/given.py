"""Checks arguments that must be a list, a dict or pairs. All functions raise ConfigError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from wasmgate.origins import Arguments

__all__ = ["given_dict", "given_list", "given_pairs"]


def given_list(origin: Arguments, argument: str, value: object, example: list[Any]) -> list[Any]:
    """Return a list; a str is refused, though it is an iterable of characters."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    shown = [value] if isinstance(value, str) else example
    raise _wrong(origin, argument, value, "a list", shown)


def given_dict(
    origin: Arguments, argument: str, value: object, example: dict[str, Any]
) -> dict[str, Any]:
    """Return a dict; None becomes an empty one."""
    if value is None or isinstance(value, Mapping):
        return dict(value or {})
    raise _wrong(origin, argument, value, "a dict", example)


def given_pairs(
    origin: Arguments, argument: str, value: object, example: list[Any]
) -> list[tuple[Any, Any]]:
    """Return the pairs of a list."""
    pairs = list(value) if isinstance(value, (list, tuple)) else None
    if pairs is None or not all(isinstance(one, (list, tuple)) and len(one) == 2 for one in pairs):  # noqa: PLR2004
        raise _wrong(origin, argument, value, "a list of pairs", example)
    return [(first, second) for first, second in pairs]


def _wrong(
    origin: Arguments, argument: str, value: object, kind: str, example: object
) -> ConfigError:
    place = origin.place((argument,))
    return ConfigError(
        f"{place}: {argument} must be {kind}, not this {type(value).__name__}",
        where=place,
        hint=f"write {argument}={example!r}",
    )
