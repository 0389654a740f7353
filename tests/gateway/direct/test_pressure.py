"""Slow ends: what is kept for them is bounded, and a client that leaves is seen all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.direct.gate import GET, OK, POST, gate
from tests.gateway.scripted_upstream import silent
from tests.gateway.serving import Client

if TYPE_CHECKING:
    from tests.gateway.scripted_upstream import Peer

MEGABYTE = bytes(1024 * 1024)
COUNT = 48


async def settled(count: list[int]) -> int:
    """Wait until a number no longer grows."""
    before = -1
    while count[0] > before:
        before = count[0]
        await asyncio.sleep(0.3)
    return before


async def test_slow_client() -> None:
    """The upstream is read no faster than the client reads; then all of it arrives."""
    sent = [0]

    async def flood(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"content-length: %d\r\n\r\n" % (COUNT * len(MEGABYTE)))
        for _ in range(COUNT):
            await peer.send(MEGABYTE)
            sent[0] += 1

    async with gate(flood) as (port, upstream), Client(port) as client:
        await client.send(GET)
        await upstream.until(lambda: sent[0] > 0)
        assert await settled(sent) < COUNT // 2
        assert len((await client.reply()).body) == COUNT * len(MEGABYTE)


async def upload(client: Client, sent: list[int]) -> None:
    """Send a body of COUNT megabytes, and count them."""
    await client.send(POST + b"content-length: %d\r\n\r\n" % (COUNT * len(MEGABYTE)))
    for _ in range(COUNT):
        await client.send(MEGABYTE)
        sent[0] += 1


async def test_slow_upstream() -> None:
    """The client is read no faster than the upstream reads; then all of it arrives."""
    sent, read = [0], asyncio.Event()

    async def slow(peer: Peer) -> None:
        request = await peer.head()
        await read.wait()
        size = sum([len(chunk) async for chunk in peer.body(request)])
        await peer.answer(b"%d" % size)

    async with gate(slow) as (port, _), Client(port) as client:
        writing = asyncio.ensure_future(upload(client, sent))
        assert await settled(sent) < COUNT // 2
        read.set()
        await writing
        assert (await client.reply()).body == b"%d" % (COUNT * len(MEGABYTE))


async def test_client_leaves_while_it_is_not_read() -> None:
    """Its end is seen although bytes of it wait to be read."""

    async def stuck(peer: Peer) -> None:
        await peer.head()
        await asyncio.Event().wait()

    sent = [0]
    async with gate(stuck) as (port, upstream):
        async with Client(port) as client:
            writing = asyncio.ensure_future(upload(client, sent))
            await settled(sent)
            peer = upstream.peers[0]
            writing.cancel()
        # The upstream does not read either: it sees the end behind what it left unread.
        async with asyncio.timeout(5):
            while not peer.reader.at_eof():
                await peer.reader.read(1 << 20)
        peer.gone.set()


async def test_client_leaves_in_a_response_that_waits_for_it() -> None:
    """A client that reads nothing and leaves ends the upstream's part."""

    async def flood(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            await peer.send(MEGABYTE)

    async with gate(flood) as (port, upstream):
        async with Client(port) as client:
            await client.send(GET)
            await client.head()
        async with asyncio.timeout(1):
            await upstream.until(lambda: upstream.open == 0)


@pytest.mark.parametrize("ahead", [0, 100_000])
async def test_client_leaves_when_it_is_ahead(ahead: int) -> None:
    """Also one that has sent more requests than are read, all of which the kernel has taken."""
    async with gate(silent) as (port, upstream):
        async with Client(port) as client:
            await client.send(GET + b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * ahead)
            await upstream.until(lambda: bool(upstream.requests))
        async with asyncio.timeout(1.5):
            await upstream.until(lambda: upstream.open == 0)


async def test_upload_while_dialling(unused_address: tuple[str, int]) -> None:
    """Before there is an upstream, little of the body is taken in."""
    sent = [0]
    endpoint = "http://{}:{}".format(*unused_address)
    async with (
        gate(clusters={"site": {"endpoints": [endpoint], "connect_timeout": "1s"}}) as (
            port,
            _,
        ),
        Client(port) as client,
    ):
        writing = asyncio.ensure_future(upload(client, sent))
        assert await settled(sent) < COUNT // 2
        assert (await client.reply()).status == 504
        writing.cancel()
