"""How one end of a WebSocket connection ends, the other end hears of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.websocket.ends import between, exchange

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

CODES = [(1000, ""), (4404, "gone"), (4001, "bye"), (1012, "restart"), (3000, "\u2603" * 41)]


async def end(connection: ClientConnection | ServerConnection) -> tuple[int | None, str | None]:
    """Wait for the end; gives the code and the reason that this end received."""
    async with asyncio.timeout(10):
        await connection.wait_closed()
    return connection.close_code, connection.close_reason


@pytest.mark.parametrize(("code", "reason"), CODES)
async def test_the_client_sees_how_the_upstream_closes(code: int, reason: str) -> None:
    """Code and reason are the upstream's."""

    async def closes(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(code, reason)

    async with between(closes) as gate, gate.connect() as client:
        await client.send("go on")
        assert await end(client) == (code, reason)
        assert gate.connections[0].close_code == code


@pytest.mark.parametrize(("code", "reason"), CODES)
async def test_the_upstream_sees_how_the_client_closes(code: int, reason: str) -> None:
    """Code and reason are the client's."""
    async with between() as gate:
        async with gate.connect() as client:
            await exchange(client, "hello")
            await client.close(code, reason)
        assert await end(gate.connections[0]) == (code, reason)
        assert client.close_code == code


async def test_a_close_frame_without_a_code_stays_one(form: str) -> None:
    """1005 stands for it, and is never on the wire (RFC 6455 section 7.4.1).

    ASGI has no close without a code, so it becomes 1000 there.
    """

    async def closes(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.write(b"\x88\x00")
        await connection.wait_closed()

    async with between(closes) as gate, gate.connect() as client:
        await client.send("go on")
        assert await end(client) == (1000 if form == "asgi" else 1005, "")


async def test_the_client_hears_that_the_upstream_is_gone() -> None:
    """An upstream that cuts its connection has failed: 1011."""

    async def aborts(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async with between(aborts) as gate, gate.connect() as client:
        await client.send("go on")
        assert (await end(client))[0] == 1011


async def test_the_client_hears_that_the_upstream_closed_without_a_close_frame() -> None:
    """The same: the connection ended, and the WebSocket did not."""

    async def closes(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.close()

    async with between(closes) as gate, gate.connect() as client:
        await client.send("go on")
        assert (await end(client))[0] == 1011


async def test_a_message_that_was_cut_is_not_completed(form: str) -> None:
    """No close frame can stand in it: the connection ends, which is 1006 to its client.

    Under ASGI nothing of the message has been sent on.
    """

    async def cuts(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.write(b"\x82\x05he")
        await asyncio.sleep(0.05)
        connection.transport.abort()

    async with between(cuts) as gate, gate.connect() as client:
        await client.send("go on")
        assert (await end(client))[0] == (1011 if form == "asgi" else 1006)


async def test_the_upstream_hears_that_the_client_is_gone() -> None:
    """A client that cuts its connection is gone: 1001."""
    async with between() as gate:
        async with gate.connect() as client:
            await exchange(client, "hello")
            client.transport.abort()
        assert (await end(gate.connections[0]))[0] == 1001


async def test_what_was_sent_before_the_end_arrives() -> None:
    """All of it, in front of the close frame."""

    async def sends(connection: ServerConnection) -> None:
        for number in range(200):
            await connection.send(bytes(10_000) + b"%d" % number)
        await connection.close(4000, "that was all")

    async with between(sends) as gate, gate.connect() as client:
        received = [await client.recv() for _ in range(200)]
        assert [int(message[10_000:]) for message in received] == list(range(200))
        assert await end(client) == (4000, "that was all")
