"""Bounds of a WebSocket connection: time, size, and what waits for a slow reader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.websocket.ends import between, exchange, route

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.server import ServerConnection

IDLE = route(websocket={"idle_timeout": "300ms"})
SMALL = route(websocket={"message_size": "1KB"})


async def test_a_connection_that_is_idle_ends() -> None:
    """Both ends get 1001."""
    async with between(**IDLE) as gate, gate.connect() as client:
        await exchange(client, "hello")
        async with asyncio.timeout(10):
            await client.wait_closed()
            await gate.connections[0].wait_closed()
        assert (client.close_code, gate.connections[0].close_code) == (1001, 1001)


async def test_a_connection_that_is_not_idle_goes_on() -> None:
    """A message in either direction counts."""

    async def ticks(connection: ServerConnection) -> None:
        for number in range(10):
            await asyncio.sleep(0.1)
            await connection.send(str(number))

    async with between(ticks, **IDLE) as gate, gate.connect() as client:
        assert [await client.recv() for _ in range(10)] == [str(number) for number in range(10)]


@pytest.mark.parametrize("fragmented", [False, True])
async def test_a_message_of_the_client_may_be_too_large(*, fragmented: bool) -> None:
    """Also in fragments: 1009."""
    async with between(**SMALL) as gate, gate.connect() as client:
        assert await exchange(client, b"x" * 1000) == b"x" * 1000
        await client.send([b"x" * 600, b"x" * 401] if fragmented else b"x" * 1001)
        async with asyncio.timeout(10):
            await client.wait_closed()
            await gate.connections[0].wait_closed()
        assert client.close_code == 1009


@pytest.mark.parametrize("fragmented", [False, True])
async def test_a_message_of_the_upstream_may_be_too_large(*, fragmented: bool) -> None:
    """The same."""

    async def sends(connection: ServerConnection) -> None:
        await connection.send(b"x" * 1000)
        await connection.send([b"x" * 600, b"x" * 401] if fragmented else b"x" * 1001)
        await connection.wait_closed()

    async with between(sends, **SMALL) as gate, gate.connect() as client:
        assert await client.recv() == b"x" * 1000
        async with asyncio.timeout(10):
            await client.wait_closed()
            await gate.connections[0].wait_closed()
        assert (client.close_code, gate.connections[0].close_code) == (1009, 1009)


async def test_an_upstream_is_not_read_ahead_of_its_client() -> None:
    """An endless stream stops while nobody takes it, and goes on after."""
    sent = 0
    block = bytes(64 * 1024)

    async def floods(connection: ServerConnection) -> None:
        nonlocal sent
        while True:
            await connection.send(block)
            sent += 1

    async with between(floods) as gate, gate.connect(max_queue=1) as client:
        held = await until_it_stands(lambda: sent)
        assert held * len(block) < 32 << 20
        for _ in range(held + 10):
            assert await client.recv() == block
        client.transport.abort()


async def test_a_client_is_not_read_ahead_of_its_upstream() -> None:
    """The same in the other direction."""
    sent = 0
    block = bytes(64 * 1024)
    go_on = asyncio.Event()

    async def waits(connection: ServerConnection) -> None:
        await go_on.wait()
        async for message in connection:
            assert message == block

    async with between(waits, upstream={"max_queue": 1}) as gate, gate.connect() as client:

        async def flood() -> None:
            nonlocal sent
            while True:
                await client.send(block)
                sent += 1

        flooding = asyncio.create_task(flood())
        held = await until_it_stands(lambda: sent)
        assert held * len(block) < 32 << 20
        go_on.set()
        async with asyncio.timeout(10):
            while sent < held + 10:
                await asyncio.sleep(0.01)
        flooding.cancel()
        client.transport.abort()


async def until_it_stands(count: Callable[[], int]) -> int:
    """Wait until a number does not grow any more, and return it."""
    last = -1
    while count() != last or last == 0:
        last = count()
        await asyncio.sleep(0.3)
    return last
