"""A WebSocket connection of an ASGI server: its handshake is opened as any request."""

from __future__ import annotations

import base64
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from wasmgate.gateway.websocket.refusal import refuse
from wasmgate.scope import canonical

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Receive, Scope, Send
    from wasmgate.gateway.deployment import Deployment

__all__ = ["serve_websocket"]

_EXTENSIONS = b"sec-websocket-extensions"
_VERSION = b"sec-websocket-version"
_KEY = b"sec-websocket-key"


async def serve_websocket(
    deployment: Deployment, scope: Scope, receive: Receive, send: Send
) -> None:
    """Forward a connection, until it ends."""
    if find_spec("websockets") is None:
        await refuse(scope, receive, send)
        return
    from wasmgate.gateway.websocket.forwarding import WebSocketForwarder  # noqa: PLC0415 (needs websockets)

    client, server, scheme, _, method, target, headers, facts = canonical(scope)
    exchange, effects = deployment.router.open(
        client,
        server,
        scheme,
        "1.1",
        method,
        target,
        _handshake(headers),
        facts,
        ended=True,
        handshake=True,
    )
    forwarder = WebSocketForwarder(deployment, exchange, scope, receive, send)
    await forwarder.run(effects)


def _handshake(headers: Fields) -> Fields:
    """Return the fields of a handshake of HTTP/1.1: in HTTP/2 it has fewer (RFC 8441 section 5).

    The server agrees on extensions with the client, so the upstream is offered none of them.
    """
    fields = [(name.lower(), value) for name, value in headers]
    fields = [field for field in fields if field[0] != _EXTENSIONS]
    names = {name for name, _ in fields}
    if b"upgrade" not in names:
        fields += [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
    if _VERSION not in names:
        fields.append((_VERSION, b"13"))
    if _KEY not in names:
        fields.append((_KEY, base64.b64encode(os.urandom(16))))
    return fields
