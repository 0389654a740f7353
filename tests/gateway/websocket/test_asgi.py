"""What ASGI servers differ in: how they deny a handshake, and the version of HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.asyncio.server import serve as serve_websockets

from tests.gateway.calling import HTTP
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.gateway.serving import Client, configuration, serve
from tests.gateway.websocket.ends import echo, policy
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from wasmgate._asgi import Message

DENIES: dict[str, object] = {"websocket.http.response": {}}
CONNECT = {"type": "websocket.connect"}
LEFT = {"type": "websocket.disconnect", "code": 4001, "reason": "bye"}


async def call(gateway: Gateway, *incoming: Message, **changes: object) -> list[Message]:
    """Call the app as a server would; gives what it sent."""
    messages = iter(incoming)
    sent: list[Message] = []

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {name: value for name, value in HTTP.items() if name != "method"}
    await gateway({**scope, "type": "websocket", "scheme": "ws", **changes}, receive, send)
    return sent


async def test_a_failure_is_a_response_where_the_server_can_send_one() -> None:
    """Otherwise the connection is closed before it is accepted, which servers make a 403."""
    gateway = Gateway(configuration("http://127.0.0.1:1"))
    head, body = await call(gateway, CONNECT, extensions=DENIES)
    assert (head["type"], head["status"]) == ("websocket.http.response.start", 502)
    assert json.loads(body["body"])["title"] == "Bad Gateway"
    assert await call(gateway, CONNECT) == [{"type": "websocket.close", "code": 1008}]


async def test_a_policys_response_too() -> None:
    """Both ways."""
    gateway = Gateway(
        configuration("http://127.0.0.1:1", **policy("request_headers: respond 401 no"))
    )
    head, body = await call(gateway, CONNECT, extensions=DENIES)
    assert (head["status"], body["body"], body["more_body"]) == (401, b"no", False)
    assert await call(gateway, CONNECT) == [{"type": "websocket.close", "code": 1008}]


async def test_a_cluster_of_a_transport_has_no_websockets() -> None:
    """It carries requests."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    gateway = Gateway(configuration("http://127.0.0.1:1"), transports={"site": transport})
    head, _ = await call(gateway, CONNECT, extensions=DENIES)
    assert head["status"] == 501


async def test_without_the_package_a_handshake_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a minimal installation."""
    monkeypatch.setitem(sys.modules, "websockets", None)
    gateway = Gateway(configuration("http://127.0.0.1:1"))
    head, body = await call(gateway, CONNECT, extensions=DENIES)
    assert (head["status"], b"websockets" in body["body"]) == (501, True)
    assert (await call(gateway, CONNECT))[0]["code"] == 1011


@pytest.mark.parametrize("version", ["1.1", "2"])
async def test_a_handshake_of_http_2_is_forwarded_as_one_of_http_1(version: str) -> None:
    """Its fields have neither a key nor a version (RFC 8441 section 5)."""
    seen: list[ServerConnection] = []

    async def handle(connection: ServerConnection) -> None:
        seen.append(connection)
        await echo(connection)

    async with serve_websockets(handle, "127.0.0.1", 0) as origin:
        port = next(iter(origin.sockets)).getsockname()[1]
        gateway = Gateway(configuration(f"http://127.0.0.1:{port}"))
        message = {"type": "websocket.receive", "text": "hello"}
        sent = await call(gateway, CONNECT, message, LEFT, http_version=version)
        await seen[0].wait_closed()
    assert sent[0] == {
        "type": "websocket.accept",
        "subprotocol": None,
        "headers": sent[0]["headers"],
    }
    assert {name for name, _ in sent[0]["headers"]} <= {b"date", b"server"}
    assert (seen[0].close_code, seen[0].close_reason) == (4001, "bye")


async def test_a_client_that_leaves_during_the_handshake_ends_it() -> None:
    """The upstream has not answered; it is waited for no longer."""

    async def silent(peer: Peer) -> None:
        await peer.request()

    async with ScriptedUpstream(silent) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway, ws="websockets-sansio") as port:
            async with Client(port) as client:
                await client.send(
                    b"GET /chat HTTP/1.1\r\nhost: gate.test\r\nconnection: upgrade\r\n"
                    b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
                    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                )
                await upstream.until(lambda: len(upstream.requests) == 1)
            await upstream.until(lambda: upstream.open == 0)
