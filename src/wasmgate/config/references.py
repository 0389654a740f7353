"""Whether the names in a configuration meet: what it names of its own must be there.

It looks at plain data, not at models, so that a file with other mistakes is checked to its end.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from wasmgate.capabilities import is_upstream
from wasmgate.foreign import LIMITS_HIT

__all__ = ["Key", "dangling", "guess"]

Key: TypeAlias = tuple[str | int, ...]


def dangling(data: Any) -> Iterator[tuple[Key, str]]:  # noqa: ANN401 (data that nobody has checked)
    """Yield where a name stands that nothing has, and what to say about it."""
    top = _mapping(data)
    policies, clusters = _mapping(top.get("policies")), _mapping(top.get("clusters"))
    for name, policy in policies.items():
        capabilities = _mapping(_mapping(policy).get("capabilities"))
        for below, text in _unreachable(capabilities, policies, clusters):
            yield ("policies", name, "capabilities", *below), text
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


def _unreachable(
    capabilities: Mapping[str, Any], policies: Mapping[str, Any], clusters: Mapping[str, Any]
) -> Iterator[tuple[Key, str]]:
    for index, name in enumerate(_sequence(capabilities.get("net"))):
        # What has a port is an address, and what is no upstream at all is for the models.
        if isinstance(name, str) and ":" not in name and is_upstream(name):
            for path, text in _missing(("net", index), name, clusters, "cluster"):
                yield path, f"{text}; an address has a port, such as {name}:8080"
    spaces = {str(_mapping(its).get("vm_id") or name): its for name, its in policies.items()}
    for index, name in enumerate(_sequence(capabilities.get("shared_data"))):
        yield from _missing(("shared_data", index), name, spaces, "policy (or vm_id)")
    for index, name in enumerate(_sequence(capabilities.get("foreign_functions"))):
        if isinstance(name, str) and name.startswith("wasmgate."):
            at, known = ("foreign_functions", index), {LIMITS_HIT: None}
            yield from _missing(at, name, known, "foreign function of the host")


def _missing(
    path: Key, name: object, known: Mapping[str, Any], kind: str
) -> Iterator[tuple[Key, str]]:
    if isinstance(name, str) and name not in known:
        yield path, f"no {kind} is named {name!r}{guess(name, list(known))}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
