"""Why a request ends before its response is whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wasmgate.errors import ConnectError, NoHealthyEndpoint, UpstreamError, UpstreamTimeout
from wasmgate.telemetry.fault_log import FaultLog

__all__ = [
    "FAILURES",
    "TIMEOUT_FAILURES",
    "ClientDisconnected",
    "ClientTimeout",
    "RouteTimeout",
    "log_fault",
    "said",
]

if TYPE_CHECKING:
    from wasmgate._native import Exchange

_LOG = FaultLog(logging.getLogger("wasmgate.gateway"))
PATH = 200  # characters of a path in the log

FAILURES = {
    ConnectError: "connect",
    NoHealthyEndpoint: "no_healthy_endpoint",
    UpstreamTimeout: "timeout",
    UpstreamError: "protocol",
}
"""What the native exchange calls the errors of upstreams."""


class ClientDisconnected(Exception):
    """The client left."""


class RouteTimeout(Exception):
    """The route's time has passed."""


class ClientTimeout(Exception):
    """The client does not send the rest of its request."""


TIMEOUT_FAILURES: dict[type, str] = {
    RouteTimeout: "route_timeout",
    ClientTimeout: "late_request",
}
"""What the native exchange calls the ends that have an answer."""


def said(exchange: Exchange) -> str:
    """Return method and path of a request for the log, escaped: a query may hold secrets."""
    request = exchange.upstream
    if request is None:
        return "a request"
    path = ascii(request.target.partition(b"?")[0].decode("latin-1"))[1:-1]
    return f"{request.method} {path[:PATH]}"


def log_fault(exchange: Exchange, *, cut: bool) -> None:
    """Log what was wrong with an upstream's head, or why a response is cut, if it is known."""
    fault = exchange.take_fault()
    if fault is None:
        return
    request = exchange.upstream
    by = "" if request is None else request.endpoint
    if cut:
        whose = f"the response of {by}" if by else "the response"
        _LOG.say(by, f"{whose} to {said(exchange)} was cut: {fault}")
    else:
        _LOG.say(by, f"{by} gave no valid response to {said(exchange)}: {fault}")
