"""Why a request ends before its response is whole."""

from __future__ import annotations

from wasmgate.errors import ConnectError, NoHealthyEndpoint, UpstreamError, UpstreamTimeout

__all__ = ["FAILURES", "NEVER", "ClientGone", "TimeOver"]

NEVER = float("inf")
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
