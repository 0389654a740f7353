"""A client that is too slow is closed; one that sends much data at a good rate is served."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.gateway.direct.gate import GET, OK, POST, gate, wait_until_closed
from tests.gateway.direct.pools import pool_until
from tests.gateway.scripted_upstream import ScriptedUpstream, dripping, silent
from tests.gateway.serving import Client, ask, configuration, one_thread, serve
from wasmgate.gateway import Gateway, deployment, standalone
from wasmgate.upstream import UpstreamLimits

if TYPE_CHECKING:
    from tests.gateway.scripted_upstream import Peer, Script


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "HEAD_TIMEOUT", 0.6)
    monkeypatch.setattr(standalone, "CLIENT_TIMEOUT", 0.6)


async def test_a_head_that_trickles() -> None:
    """A byte now and then does not win time: 408 after the head's time (slowloris)."""
    async with gate() as (port, upstream), Client(port) as client:

        async def trickle() -> None:
            for byte in GET[:-1]:
                await client.send(bytes([byte]))
                await asyncio.sleep(0.1)

        writing = asyncio.ensure_future(trickle())
        assert (await client.reply()).status == 408
        assert not writing.done()
        writing.cancel()
        assert upstream.peers == []


async def test_a_second_head_that_trickles() -> None:
    """Nor does it after an exchange."""
    async with gate() as (port, _), Client(port) as client:
        await client.send(GET)
        await client.reply()
        await client.send(b"GET ")
        assert (await client.reply()).status == 408


async def test_a_connection_that_says_nothing() -> None:
    """It is closed without a word."""
    async with gate() as (port, _), Client(port) as client:
        assert await wait_until_closed(client) == b""


async def test_a_connection_that_stays_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `timeout_keep_alive` it is closed without a response, with any other timeouts."""
    monkeypatch.setattr(standalone, "HEAD_TIMEOUT", 60)
    monkeypatch.setattr(standalone, "CLIENT_TIMEOUT", 60)
    async with gate(server={"timeout_keep_alive": 1}) as (port, _), Client(port) as client:
        await client.send(GET)
        await client.reply()
        assert await wait_until_closed(client) == b""


async def test_a_body_that_stops() -> None:
    """A client that owes the rest of a body gets 408; the upstream does not take it for whole."""
    async with gate() as (port, upstream), Client(port) as client:
        await client.send(POST + b"content-length: 9\r\n\r\nabc")
        assert (await client.reply()).status == 408
        await upstream.until(lambda: upstream.open == 0)


async def half(peer: Peer) -> None:
    """Script: half a response."""
    await peer.request()
    await peer.send(OK + b"content-length: 4\r\n\r\nha")


def quick(url: str) -> dict[str, object]:
    """Make a cluster that is not waited for."""
    return {"site": {"endpoints": [url], "read_timeout": "500ms", "connect_timeout": "500ms"}}


@pytest.mark.parametrize("script", [silent, half])
async def test_a_silent_upstream(script: Script) -> None:
    """One that owes an answer is given up: 504, or the answer is cut where it stopped."""
    async with ScriptedUpstream(script) as upstream:
        gateway = Gateway(configuration("http://x", clusters=quick(upstream.url)))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            reply = await client.head()
            assert reply.status == (504 if script is silent else 200)
            await upstream.until(lambda: upstream.open == 0)
            if script is half:
                assert await wait_until_closed(client) == b"ha"


async def test_an_upstream_that_owes_nothing() -> None:
    """While a client sends its body, however slowly, its upstream may be silent."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration("http://x", clusters=quick(upstream.url)))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(POST + b"content-length: 10\r\n\r\n")
            for _ in range(10):
                await asyncio.sleep(0.12)
                await client.send(b"x")
            assert (await client.reply()).status == 200


async def test_an_upstream_that_does_not_accept(unused_address: tuple[str, int]) -> None:
    """It gets the time to connect, and no more."""
    gateway = Gateway(
        configuration("http://x", clusters=quick("http://{}:{}".format(*unused_address)))
    )
    async with serve(gateway) as port:
        async with asyncio.timeout(4):  # the time of a cluster that names none is 5 s
            assert (await ask(port)).status == 504


async def test_a_client_that_leaves_while_dialling(unused_address: tuple[str, int]) -> None:
    """The wait for the connection ends, and its place is free at once."""
    gateway = Gateway(configuration("http://{}:{}".format(*unused_address)))
    async with serve(gateway) as port:
        async with Client(port) as client:
            await client.send(GET)
            await pool_until(gateway, lambda pool: (pool.open, pool.waiting) == (1, 1))
        await pool_until(gateway, lambda pool: (pool.open, pool.waiting) == (0, 0))


@one_thread
async def test_one_at_a_time() -> None:
    """A pool that is full lets requests wait for their turn, in order."""
    async with ScriptedUpstream(slowly) as upstream:
        cluster = {"endpoints": [upstream.url], "connections": 1, "connect_timeout": "9s"}
        gateway = Gateway(configuration(upstream.url, clusters={"site": cluster}))
        async with serve(gateway) as port:
            replies = [asyncio.ensure_future(ask(port, b"/%d" % i)) for i in range(5)]
            assert [(await reply).status for reply in replies] == [200] * 5
            assert len(upstream.peers) == 1


@one_thread
async def test_too_many_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused at once."""
    monkeypatch.setattr(deployment, "UpstreamLimits", partial(UpstreamLimits, waiting=0))
    async with ScriptedUpstream(slowly) as upstream:
        cluster = {"endpoints": [upstream.url], "connections": 1, "connect_timeout": "9s"}
        gateway = Gateway(configuration(upstream.url, clusters={"site": cluster}))
        async with serve(gateway) as port:
            asked = [asyncio.ensure_future(ask(port)) for _ in range(3)]
            statuses = sorted([(await reply).status for reply in asked])
            assert statuses == [200, 503, 503]


@one_thread
async def test_a_place_that_does_not_get_free() -> None:
    """A request that waits too long for a connection is answered 504."""
    async with ScriptedUpstream(silent) as upstream:
        cluster = {"endpoints": [upstream.url], "connections": 1, "connect_timeout": "500ms"}
        gateway = Gateway(configuration(upstream.url, clusters={"site": cluster}))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            await upstream.until(lambda: bool(upstream.requests))
            assert (await ask(port)).status == 504


async def slowly(peer: Peer) -> None:
    """Script: answer after a while."""
    while True:
        await peer.request()
        await asyncio.sleep(0.05)
        await peer.answer()


async def test_a_client_that_does_not_read() -> None:
    """One that takes nothing of its response for long is cut off."""

    async def flood(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            await peer.send(bytes(1 << 20))

    async with gate(flood) as (port, upstream), Client(port) as client:
        await client.send(GET)
        await upstream.until(lambda: bool(upstream.requests))
        await upstream.until(lambda: upstream.open == 0)


async def test_the_whole_time() -> None:
    """A route's time bounds the whole exchange, however lively the upstream is."""
    routes = [{"match": {"prefix": "/"}, "cluster": "site", "timeout": "300ms"}]
    async with gate(dripping, routes=routes) as (port, upstream), Client(port) as client:
        await client.send(GET)
        assert not (await wait_until_closed(client)).endswith(b"0\r\n\r\n")
        await upstream.until(lambda: upstream.open == 0)
