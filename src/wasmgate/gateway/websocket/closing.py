"""Close codes, from one end of a connection to the other (RFC 6455 section 7.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

    from wasmgate._asgi import Message

__all__ = ["IDLE", "TOO_LARGE", "Close", "for_client", "for_upstream"]


class Close(NamedTuple):
    """What a close frame says."""

    code: int
    reason: str


CLIENT_LEFT = Close(1001, "the client left")
UPSTREAM_FAILED = Close(1011, "the upstream failed")
IDLE = Close(1001, "idle for too long")
TOO_LARGE = Close(1009, "the message is too large")
# A close frame without a code: neither ASGI nor `websockets` can send one.
NO_CODE = Close(1000, "")

_NO_CODE = 1005
# They are never on the wire: the connection ended without a close frame, or TLS failed.
_ABNORMAL = {1006, 1015}


def for_client(error: ConnectionClosed) -> Close:
    """Return how the client hears of the end of the upstream's connection."""
    received, sent = error.rcvd, error.sent
    if received is not None and error.rcvd_then_sent is not False:
        return NO_CODE if received.code == _NO_CODE else Close(received.code, received.reason)
    if sent is not None and sent.code == TOO_LARGE.code:
        return TOO_LARGE
    return UPSTREAM_FAILED


def for_upstream(message: Message) -> Close:
    """Return how the upstream hears of `websocket.disconnect`."""
    code = message.get("code", _NO_CODE)
    if code == _NO_CODE and "reason" in message:
        return NO_CODE
    # uvicorn gives a connection that was lost 1005 as well, but no reason.
    if code in {_NO_CODE, *_ABNORMAL}:
        return CLIENT_LEFT
    return Close(code, message.get("reason") or "")
