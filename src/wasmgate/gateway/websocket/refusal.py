"""The answer to the handshake of a WebSocket that cannot be forwarded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._asgi import Receive, Scope, Send

__all__ = ["refuse"]

_REASON = "this server has no package to forward WebSocket connections with: websockets"
_PROBLEM = json.dumps(
    {"type": "about:blank", "title": "Not Implemented", "status": 501, "detail": _REASON}
).encode()
_HEADERS = [
    (b"content-type", b"application/problem+json"),
    (b"content-length", b"%d" % len(_PROBLEM)),
]


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the handshake with 501 (RFC 9457), or as the server can: 403 for close code 1011."""
    await receive()  # websocket.connect
    if "websocket.http.response" in (scope.get("extensions") or {}):
        head = {"type": "websocket.http.response.start", "status": 501, "headers": _HEADERS}
        await send(head)
        await send({"type": "websocket.http.response.body", "body": _PROBLEM})
    else:
        await send({"type": "websocket.close", "code": 1011, "reason": _REASON})
