"""What a WebSocket handshake is answered."""

from __future__ import annotations

import json

from tests.gateway.calling import call
from tests.gateway.serving import configuration
from wasmgate.gateway import Gateway


async def test_websocket_with_a_response() -> None:
    """A WebSocket handshake is answered 501 where the server can pass that on."""
    sent = await call(
        Gateway(configuration("http://127.0.0.1:1")),
        [{"type": "websocket.connect"}],
        type="websocket",
        extensions={"websocket.http.response": {}},
    )
    assert (sent[0]["status"], json.loads(sent[1]["body"])["title"]) == (501, "Not Implemented")


async def test_websocket_without() -> None:
    """Elsewhere the handshake is closed with the reason."""
    gateway = Gateway(configuration("http://127.0.0.1:1"))
    sent = await call(gateway, [{"type": "websocket.connect"}], type="websocket")
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1011)]
