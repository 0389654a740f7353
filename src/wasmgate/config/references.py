"""Checks the references of a configuration: policies, clusters and `vm_id`s must be defined.

Plain data is checked, not models, so that a file with other mistakes is checked to its end.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wasmgate.foreign import LIMITS_HIT
from wasmgate.origins import Key, key_path
from wasmgate.policy.capabilities import is_upstream

__all__ = ["Key", "Mistake", "dangling", "guess", "key_path"]


class Mistake(NamedTuple):
    """What is wrong at a path of keys and list indices, and what to write instead."""

    path: Key
    text: str
    hint: str


def dangling(data: Any) -> Iterator[Mistake]:  # noqa: ANN401 (data that is not checked yet)
    """Yield a mistake for each reference to a name that is not defined."""
    top = _mapping(data)
    policies, clusters = _mapping(top.get("policies")), _mapping(top.get("clusters"))
    for name, policy in policies.items():
        capabilities = _mapping(_mapping(policy).get("capabilities"))
        for below, text, hint in _unreachable(capabilities, policies, clusters):
            yield Mistake(("policies", name, "capabilities", *below), text, hint)
    for key in ("default_policies", "background"):
        names = _sequence(top.get(key))
        for index, name in enumerate(names):
            yield from _missing((key, index), name, policies, "policy")
        yield from _twice((key,), names)
    for at, value in enumerate(_sequence(top.get("routes"))):
        route = _mapping(value)
        for index, written in enumerate(_sequence(route.get("policies"))):
            path: Key = ("routes", at, "policies", index)
            yield from _missing(path, written, policies, "policy")
            for name in _mapping(written):
                yield from _missing((*path, name), name, policies, "policy")
        yield from _twice(("routes", at, "policies"), _sequence(route.get("policies")))
        yield from _missing(("routes", at, "cluster"), route.get("cluster"), clusters, "cluster")
        for name in _mapping(route.get("clusters")):
            yield from _missing(("routes", at, "clusters", name), name, clusters, "cluster")


def guess(name: str, known: Sequence[str]) -> str:
    """Return " (did you mean 'x'?)", or an empty text when no known name is similar."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _unreachable(
    capabilities: Mapping[str, Any], policies: Mapping[str, Any], clusters: Mapping[str, Any]
) -> Iterator[Mistake]:
    for index, name in enumerate(_sequence(capabilities.get("net"))):
        # A name with a port is an address; the models refuse names that are not upstreams.
        if isinstance(name, str) and ":" not in name and is_upstream(name):
            for path, text, hint in _missing(("net", index), name, clusters, "cluster"):
                said = f"{text}; an address has a port, such as {name}:8080"
                yield Mistake(path, said, hint)
    spaces = {str(_mapping(its).get("vm_id") or name): its for name, its in policies.items()}
    for index, name in enumerate(_sequence(capabilities.get("shared_data"))):
        yield from _missing(("shared_data", index), name, spaces, "policy (or vm_id)")
    for index, name in enumerate(_sequence(capabilities.get("foreign_functions"))):
        if isinstance(name, str) and name.startswith("wasmgate."):
            at, known = ("foreign_functions", index), {LIMITS_HIT: None}
            yield from _missing(at, name, known, "foreign function of the host")


def _twice(path: Key, chain: Sequence[Any]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, written in enumerate(chain):
        for name in [written] if isinstance(written, str) else _mapping(written):
            if name in seen:
                yield Mistake(
                    (*path, index),
                    f"the policy {name!r} is in this chain twice",
                    f"define a second policy under policies:, or take one {name} out",
                )
            seen.add(name)


def _missing(path: Key, name: object, known: Mapping[str, Any], kind: str) -> Iterator[Mistake]:
    if isinstance(name, str) and name not in known:
        text = f"no {kind} is named {name!r}{guess(name, list(known))}"
        yield Mistake(path, text, _how_to_name(name, known, kind))


def _how_to_name(name: str, known: Mapping[str, Any], kind: str) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return f"write {close[0]} instead"
    if kind in _SECTIONS:
        there = f", or name one of {', '.join(list(known)[:8])}" if known else ""
        return f"define {name!r} under {_SECTIONS[kind]}:{there}"
    return f"name one of {', '.join(list(known)[:8])}" if known else "take the name out"


_SECTIONS = {"policy": "policies", "cluster": "clusters"}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
