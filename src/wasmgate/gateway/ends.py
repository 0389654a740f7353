"""Why a request ends before its response is whole."""

from __future__ import annotations

from wasmgate.errors import ConnectError, NoHealthyEndpoint, UpstreamError, UpstreamTimeout

__all__ = ["FAILURES", "OUT_OF_TIME", "ClientGone", "ClientLate", "TimeOver"]

FAILURES = {
    ConnectError: "connect",
    NoHealthyEndpoint: "no_healthy_endpoint",
    UpstreamTimeout: "timeout",
    UpstreamError: "protocol",
}
"""What the native exchange calls the errors of upstreams."""


class ClientGone(Exception):
    """The client left."""


class TimeOver(Exception):
    """The route's time has passed."""


class ClientLate(Exception):
    """The client does not send the rest of its request."""


OUT_OF_TIME: dict[type, str] = {
    TimeOver: "route_timeout",
    ClientLate: "late_request",
}
"""What the native exchange calls the ends that have an answer."""
