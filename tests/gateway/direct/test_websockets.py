"""WebSocket connections on threads: log lines, places in a pool, and the end of a server."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from websockets.asyncio.server import serve as serve_websockets

from tests.gateway.direct.test_threads import served
from tests.gateway.serving import Client, configuration, one_thread
from tests.gateway.websocket.ends import Between, between, echo, exchange
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    import pytest
    from websockets.asyncio.server import ServerConnection


async def test_the_access_is_logged_when_the_connection_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With 101 and the bytes of both directions."""
    caplog.set_level(logging.INFO, "wasmgate.access")
    async with between(server={"access_log": True}) as gate:
        async with gate.connect() as client:
            await exchange(client, b"x" * 100)
            assert [record for record in caplog.records if "access" in record.name] == []
        await gate.connections[0].wait_closed()
        async with asyncio.timeout(10):
            while not (lines := [r.getMessage() for r in caplog.records if "access" in r.name]):
                await asyncio.sleep(0.01)
    # A masked frame has 6 bytes more, one for a client 2; then come the close frames.
    line = r'127\.0\.0\.1:\d+ - "GET /chat\?room=1 HTTP/1\.1" 101 Switching Protocols'
    assert re.fullmatch(line + ", 114 bytes in, 106 bytes out", lines[0]), lines


@one_thread
async def test_a_websocket_counts_among_the_connections_of_its_cluster() -> None:
    """With as many as there may be, the next handshake waits until one ends."""
    async with between() as gate:
        config = gate.gateway.config
        site = config.clusters["site"].model_copy(update={"connections": 1, "connect_timeout": 5.0})
        await gate.gateway.reload(config.model_copy(update={"clusters": {"site": site}}))
        async with gate.connect() as first:
            await exchange(first, "hello")
            second = asyncio.ensure_future(gate.connect().__aenter__())
            await asyncio.sleep(0.2)
            assert not second.done()
        client = await second
        assert await exchange(client, "hello") == "hello"
        await client.close()


async def test_what_comes_with_the_handshake_is_not_lost() -> None:
    """A client that does not wait for 101 has its first message passed on all the same."""
    async with between() as gate, Client(gate.port) as client:
        await client.send(
            b"GET /chat HTTP/1.1\r\nhost: gate.test\r\nconnection: upgrade\r\n"
            b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            b"\x81\x85\x00\x00\x00\x00hello"
        )
        assert (await client.head()).status == 101
        assert await client.reader.readexactly(7) == b"\x81\x05hello"


async def stopped(threads: int) -> tuple[int | None, int | None]:
    """Open a connection, stop the server without grace; gives the codes that the ends got."""
    ends: list[ServerConnection] = []

    async def handle(connection: ServerConnection) -> None:
        ends.append(connection)
        await echo(connection)

    async with serve_websockets(handle, "127.0.0.1", 0, ping_interval=None) as origin:
        port = next(iter(origin.sockets)).getsockname()[1]
        gateway = Gateway(configuration(f"http://127.0.0.1:{port}"))
        async with served(gateway, threads) as (port, server):
            client = await Between(port, gateway).connect()
            await exchange(client, "hello")
            server.drain(0.3)
            assert await exchange(client, "within the grace") == "within the grace"
            async with asyncio.timeout(10):
                await client.wait_closed()
                await ends[0].wait_closed()
    return client.close_code, ends[0].close_code


async def test_both_ends_hear_that_the_server_stops() -> None:
    """Nothing is said before the grace ends; then 1001."""
    assert await stopped(1) == (1001, 1001)
    assert await stopped(2) == (1001, 1001)


async def test_a_server_that_stops_waits_for_connections_that_end_in_time() -> None:
    """And then for nothing more."""
    async with between() as gate:
        client = await gate.connect()
        await exchange(client, "hello")

        async def leave() -> None:
            await asyncio.sleep(0.2)
            await client.close(4001, "by itself")

        leaving = asyncio.create_task(leave())
    await leaving
    assert gate.connections[0].close_code == 4001
