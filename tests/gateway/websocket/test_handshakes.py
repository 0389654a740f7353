"""The handshake: what policies and the upstream see of it, and what becomes of other answers."""

from __future__ import annotations

import asyncio
import http
import json
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import InvalidStatus

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.gateway.serving import configuration, serve
from tests.gateway.websocket.ends import Between, between, exchange, policy, route
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from websockets import Request, Response
    from websockets.asyncio.server import ServerConnection


async def refused(gate: Between) -> tuple[int, bytes]:
    """Connect; gives the status and the body of what was answered instead."""
    with pytest.raises(InvalidStatus) as caught:
        await gate.connect()
    return caught.value.response.status_code, bytes(caught.value.response.body or b"")


async def test_the_upstream_gets_a_handshake() -> None:
    """Path, query and fields are the client's; those about the connection are the gateway's."""
    async with between() as gate:
        headers = [("x-dup", "1"), ("X-Dup", "2"), ("cookie", "a=b")]
        async with gate.connect(origin="https://site.test", additional_headers=headers) as client:
            assert await exchange(client, "hello") == "hello"
        request = gate.connections[0].request
    assert request is not None
    assert request.path == "/chat?room=1"
    assert request.headers.get_all("x-dup") == ["1", "2"]
    assert request.headers.get_all("cookie") == ["a=b"]
    assert request.headers.get_all("origin") == ["https://site.test"]
    assert request.headers.get_all("x-forwarded-for") == ["127.0.0.1"]
    assert request.headers.get_all("upgrade") == ["websocket"]
    assert [value.lower() for value in request.headers.get_all("connection")] == ["upgrade"]
    assert request.headers["host"] == f"127.0.0.1:{gate.port}"


async def test_the_client_gets_the_fields_of_the_answer() -> None:
    """Also repeated ones."""

    def answer(_: ServerConnection, __: Request, response: Response) -> None:
        response.headers["set-cookie"] = "a=1"
        response.headers["set-cookie"] = "b=2"

    async with between(upstream={"process_response": answer}) as gate, gate.connect() as client:
        assert client.response is not None
        assert client.response.headers.get_all("set-cookie") == ["a=1", "b=2"]


async def test_the_upstream_refuses_with_a_response() -> None:
    """Its status, fields and body reach the client."""

    def deny(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(http.HTTPStatus.FORBIDDEN, "not for you")

    async with between(upstream={"process_request": deny}) as gate:
        assert await refused(gate) == (403, b"not for you")


async def test_an_upstream_that_is_down() -> None:
    """As for any request."""
    gateway = Gateway(configuration("http://127.0.0.1:1"))
    async with serve(gateway, ws="websockets-sansio") as port:
        status, body = await refused(Between(port, gateway))
    assert (status, json.loads(body)["title"]) == (502, "Bad Gateway")


@pytest.mark.parametrize(
    "change",
    [
        (b"upgrade: websocket\r\n", b""),
        (b"upgrade: websocket", b"upgrade: h2c"),
        (b"connection: upgrade\r\n", b""),
        (b"sec-websocket-accept: ", b"sec-websocket-accept: x"),
        (b"101", b"100"),
    ],
)
async def test_an_upstream_that_does_not_answer_the_handshake(change: tuple[bytes, bytes]) -> None:
    """101 without what belongs to it is no answer (RFC 6455 section 4.1)."""

    async def switches(peer: Peer) -> None:
        await peer.request()
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        await peer.send(answer.replace(*change))
        peer.close()

    async with ScriptedUpstream(switches) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway, ws="websockets-sansio") as port:
            assert (await refused(Between(port, gateway)))[0] == 502


async def test_a_route_that_does_not_exist() -> None:
    """As for any request."""
    async with between(routes=[{"match": {"prefix": "/other"}, "cluster": "site"}]) as gate:
        assert (await refused(gate))[0] == 404


async def test_a_policy_refuses_a_handshake() -> None:
    """With a response of its own; the upstream hears nothing of it."""
    async with between(**policy("request_headers: respond 401 no-token x-a=1")) as gate:
        assert await refused(gate) == (401, b"no-token")
        assert gate.connections == []


async def test_a_policy_changes_a_handshake() -> None:
    """Path, query and fields."""
    program = ("set request :path /other?c=d", "add request x-seen yes")
    changes = policy(*(f"request_headers: {operation}" for operation in program))
    async with between(**changes) as gate, gate.connect() as client:
        await exchange(client, "hello")
        request = gate.connections[0].request
    assert request is not None
    assert (request.path, request.headers["x-seen"]) == ("/other?c=d", "yes")


async def test_a_policy_holds_a_handshake() -> None:
    """Until it lets it go."""
    program = ("configure: tick_period 10", "request_headers: pause", "tick: all resume request")
    async with between(**policy(*program)) as gate, gate.connect() as client:
        assert await exchange(client, "hello") == "hello"


async def test_a_policy_changes_the_answer() -> None:
    """The head of 101 passes the policies as any head does."""
    changes = policy("response_headers: add response x-seen yes")
    async with between(**changes) as gate, gate.connect() as client:
        assert client.response is not None
        assert client.response.headers["x-seen"] == "yes"
        assert await exchange(client, "hello") == "hello"


async def test_a_policy_holds_the_answer() -> None:
    """What the upstream sends behind it waits, and is not lost."""

    async def greets(connection: ServerConnection) -> None:
        await connection.send("welcome")
        await connection.wait_closed()

    program = ("configure: tick_period 10", "response_headers: pause", "tick: all resume response")
    async with between(greets, **policy(*program)) as gate, gate.connect() as client:
        assert await client.recv() == "welcome"


async def test_a_policy_answers_instead_of_the_upstream() -> None:
    """The upstream has switched by then: its connection ends."""
    async with between(**policy("response_headers: respond 403 no")) as gate:
        assert await refused(gate) == (403, b"no")
        await gate.connections[0].wait_closed()


async def test_the_time_of_a_route_is_that_of_the_handshake() -> None:
    """A connection may last longer."""

    async def late(connection: ServerConnection) -> None:
        await connection.recv()

    async with between(late, **route(timeout="200ms")) as gate, gate.connect() as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.6)
        await client.send("go on")
        await client.wait_closed()
        assert client.close_code == 1000


async def test_the_time_of_a_route_ends_a_handshake() -> None:
    """504, as for any request."""

    async def silent(peer: Peer) -> None:
        await peer.request()

    async with ScriptedUpstream(silent) as upstream:
        gateway = Gateway(configuration(upstream.url, **route(timeout="100ms")))
        async with serve(gateway, ws="websockets-sansio") as port:
            assert (await refused(Between(port, gateway)))[0] == 504
