"""Whether the names in a configuration meet: policies and clusters that are named must be there.

It looks at plain data, not at models, so that a file with other mistakes is checked to its end.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["Key", "dangling", "guess"]

Key: TypeAlias = tuple[str | int, ...]


def dangling(data: Any) -> Iterator[tuple[Key, str]]:  # noqa: ANN401 (data that nobody has checked)
    """Yield where a name stands that nothing has, and what to say about it."""
    top = _mapping(data)
    policies, clusters = _mapping(top.get("policies")), _mapping(top.get("clusters"))
    for index, name in enumerate(_sequence(top.get("default_policies"))):
        yield from _missing(("default_policies", index), name, policies, "policy")
    for at, value in enumerate(_sequence(top.get("routes"))):
        route = _mapping(value)
        for index, written in enumerate(_sequence(route.get("policies"))):
            path: Key = ("routes", at, "policies", index)
            yield from _missing(path, written, policies, "policy")
            for name in _mapping(written):
                yield from _missing((*path, name), name, policies, "policy")
        yield from _missing(("routes", at, "cluster"), route.get("cluster"), clusters, "cluster")


def guess(name: str, known: Sequence[str]) -> str:
    """Return " (did you mean 'x'?)", or nothing when no known name is close."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _missing(
    path: Key, name: object, known: Mapping[str, Any], kind: str
) -> Iterator[tuple[Key, str]]:
    if isinstance(name, str) and name not in known:
        yield path, f"no {kind} is named {name!r}{guess(name, list(known))}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
