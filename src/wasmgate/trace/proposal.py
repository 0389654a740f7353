"""Proposes the smallest capabilities with which nothing in a run would have been denied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import TraceEvent
    from wasmgate.policy import Policy
    from wasmgate.trace.runner import Outcome

__all__ = ["looked_for_files", "proposal", "took_environment"]

_ENVIRONMENT, _FOLDERS = "environ_get", "fd_prestat_get"
# Guests written for Envoy and Higress name a cluster outbound|PORT||NAME, and a Redis upstream may
# have a suffix with the database, "?db=1".
_UPSTREAM = re.compile(r"(?:outbound\|\d*\|\|)?(?P<entry>[^?]+)(?:\?.*)?")


def proposal(policies: Sequence[Policy], outcome: Outcome) -> dict[str, dict[str, list[str]]]:
    """Return the capabilities that each policy used or was denied, by policy and by key.

    A policy that needs none has an empty mapping. WASI passes all environment variables at once:
    if a policy took them, all that it may read are proposed, and variables that it misses cannot
    be detected.
    """
    found = {policy.name: _of(policy, outcome) for policy in policies}
    return {
        name: {key: sorted(values) for key, values in keys.items() if values}
        for name, keys in found.items()
    }


def took_environment(outcome: Outcome) -> list[str]:
    """Return the names of the policies that read their environment variables, sorted."""
    return sorted({event.policy for event in outcome.events if event.name == _ENVIRONMENT})


def looked_for_files(outcome: Outcome) -> list[str]:
    """Return the names of the policies that looked for preopened folders and found none, sorted.

    Their C library then fails each open itself, so the host cannot see which files they miss.
    """
    calls = [event for event in outcome.events if event.name == _FOLDERS]
    found = {event.policy for event in calls if event.outcome == "OK"}
    return sorted({event.policy for event in calls} - found)


def _of(policy: Policy, outcome: Outcome) -> dict[str, set[str]]:
    allowed = policy.capabilities
    denied: dict[str, set[str]] = {}
    for name, key, value, _ in outcome.denials:
        if name == policy.name:
            denied.setdefault(key, set()).add(value)
    calls = [event for event in outcome.events if event.policy == policy.name and event.hostcall]
    asked = {(kind, named) for name, kind, named in outcome.callouts if name == policy.name}
    called = _values(calls, "proxy_call_foreign_function", "name")
    metrics = _values(calls, "proxy_define_metric", "name")
    queues = _values(calls, "proxy_resolve_shared_queue", "vm")
    files = _values(calls, "path_open", "path")
    used = {
        "net": {named for kind, named in asked if kind != "foreign"},
        "env": set(allowed.env) if policy.name in took_environment(outcome) else set(),
        "read": {str(path) for path in allowed.read} if files else set(),
        "foreign_functions": called & set(allowed.foreign_functions),
        "metrics": {entry for entry in allowed.metrics if _covers(entry, metrics)},
        "shared_data": queues & set(allowed.shared_data),
    }
    found = {key: values | denied.get(key, set()) for key, values in used.items()}
    return found | {"net": set(map(_entry, found["net"]))}


def _entry(upstream: str) -> str:
    """Return the name of an upstream in the configuration."""
    match = _UPSTREAM.fullmatch(upstream)
    return match["entry"] if match else upstream


def _values(calls: Sequence[TraceEvent], name: str, argument: str) -> set[str]:
    return {
        value
        for call in calls
        if call.name == name and call.reason is None
        for key, value in call.arguments
        if key == argument
    }


def _covers(entry: str, names: set[str]) -> bool:
    if entry.endswith("*"):
        return any(name.startswith(entry[:-1]) for name in names)
    return entry in names
