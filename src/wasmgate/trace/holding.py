"""Why a request was not forwarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import TraceEvent

__all__ = ["held_by"]

_HEAD, _BODY = "proxy_on_request_headers", "proxy_on_request_body"
_PAUSES = {
    "Pause",
    "StopAllIterationAndBuffer",
    "StopAllIterationAndWatermark",
    "StopIterationAndWatermark",
    "StopIterationNoBuffer",
}


def held_by(events: Sequence[TraceEvent], callouts: Sequence[tuple[str, str, str]]) -> str | None:
    """Return which policy paused a request, how, and how it would continue; None: no policy did.

    `callouts` are (policy, kind, upstream or function).
    """
    held = None
    for event in events:
        if not event.hostcall and event.name in (_HEAD, _BODY) and event.outcome in _PAUSES:
            held = event
    if held is None:
        return None
    what = "the head" if held.name == _HEAD else "the body"
    reason = f"policy {held.policy!r} holds {what} ({held.name} answered {held.outcome})"
    if any(policy == held.policy for policy, _, _ in callouts):
        return f"{reason} and waits for a callout: give it an --answer"
    if held.name == _HEAD and held.outcome == "Pause" and _has_body(held):
        return (
            f"{reason}, and nothing resumed it: if it waits for the body, the policy needs "
            "allow_on_headers_stop_iteration (here --allow-on-headers-stop-iteration)"
        )
    return f"{reason}, and nothing resumed it (proxy_continue_stream)"


def _has_body(event: TraceEvent) -> bool:
    return dict(event.arguments).get("end") == "false"
