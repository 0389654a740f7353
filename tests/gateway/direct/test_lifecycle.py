"""What a server owes its connections: limits, logs, reloads, hand-overs and an orderly end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.gateway.direct.gate import GET, OK, POST, gate, wait_until_closed
from tests.gateway.guests import HOLDS, REFUSES, REQUEST_HEAD, RESPONSE_HEAD, with_policy
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, sends
from tests.gateway.serving import Client, ask, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nhost: gate.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize("before", [b"", GET])
async def test_nothing_is_read_behind_a_handshake_that_was_refused(before: bytes) -> None:
    """The upstream answers 200: what looks like a request behind the handshake may be frames."""
    async with gate() as (port, upstream), Client(port) as client:
        await client.send(before + HANDSHAKE + GET)
        statuses = [(await client.reply()).status for _ in range(2 if before else 1)]
        assert statuses[-1] == 200
        assert await wait_until_closed(client) == b""
        assert len(upstream.requests) == len(statuses)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET", b"POST", 400),
        (b"HTTP/1.1", b"HTTP/1.0", 400),
        (b"connection: Upgrade\r\n", b"", 400),
        (b"host: gate.test\r\n", b"", 400),
        (b"ZQ==", b"ZQ", 400),
        (b"sec-websocket-key", b"x-key", 400),
        (b"sec-websocket-version: 13\r\n", b"", 400),
        (b"version: 13", b"version: 12", 426),
        (b"\r\n\r\n", b"\r\ncontent-length: 5\r\n\r\nhello", 400),
        (
            b"\r\n\r\n",
            b"\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            400,
        ),
    ],
)
async def test_odd_handshakes_are_refused(old: bytes, new: bytes, status: int) -> None:
    """None is forwarded as a request for a page, and nothing is read behind it."""
    async with gate() as (port, upstream), Client(port) as client:
        await client.send(HANDSHAKE.replace(old, new) + GET)
        reply = await client.reply()
        assert reply.status == status
        assert reply.values(b"sec-websocket-version") == ([b"13"] if status == 426 else [])
        assert await wait_until_closed(client) == b""
        assert upstream.requests == []


async def test_an_upgrade_to_http_2_is_ignored() -> None:
    """RFC 9110 section 7.8: the request is answered as one of HTTP/1.1, and so is the next."""
    fields = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
    async with gate() as (port, upstream), Client(port) as client:
        await client.send(GET.replace(b"\r\n\r\n", b"\r\n" + fields + b"\r\n") + GET)
        assert [(await client.reply()).status for _ in range(2)] == [200, 200]
        names = {name for name, _ in upstream.requests[0].fields}
        assert names.isdisjoint({b"upgrade", b"http2-settings", b"connection"})


async def test_a_handshake_that_never_ends() -> None:
    """Its head has the bounds of every other."""
    async with gate() as (port, _), Client(port) as client:
        await client.send(HANDSHAKE[:-2] + b"x: " + b"y" * 200_000)
        assert (await client.reply()).status == 431


async def test_transports_are_served_by_the_app() -> None:
    """Clusters that something else than the network serves need ASGI."""
    gateway = Gateway(
        configuration("http://app"),
        transports={"site": httpx.MockTransport(lambda _: httpx.Response(200, content=b"app"))},
    )
    async with serve(gateway) as port:
        assert (await ask(port)).body == b"app"


async def test_an_idle_connection_is_closed_at_once() -> None:
    """Shutdown does not wait for who says nothing."""
    async with gate() as (port, _):
        client = await Client(port).__aenter__()
        await client.send(GET)
        await client.reply()
    assert await wait_until_closed(client, 2) == b""
    await client.__aexit__()


@pytest.mark.parametrize("begun", [False, True])
async def test_shutdown_waits_for_the_exchange(begun: bool) -> None:  # noqa: FBT001
    """The exchange under way ends, and is said to be the last if that can still be said."""
    finish = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.request()
        if begun:
            await peer.send(OK + b"content-length: 2\r\n\r\n")
        await finish.wait()
        await peer.send(b"ok" if begun else OK + b"content-length: 2\r\n\r\nok")

    async with ScriptedUpstream(slow) as upstream:
        listening = serve(Gateway(configuration(upstream.url)), timeout_graceful_shutdown=9)
        port = await listening.__aenter__()
        async with Client(port) as client:
            await client.send(GET)
            await upstream.until(lambda: bool(upstream.requests))
            stopping = asyncio.ensure_future(listening.__aexit__(None, None, None))
            await asyncio.wait([stopping], timeout=0.5)
            finish.set()
            reply = await client.reply()
            assert (reply.body, reply.values(b"connection")) == (b"ok", [] if begun else [b"close"])
            assert await client.reader.read() == b""
            await stopping


async def test_reload_with_open_connections() -> None:
    """The next exchange of a connection uses the new routes; none is lost."""
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        gateway = Gateway(configuration(old.url))
        async with serve(gateway) as port, Client(port) as client:
            for upstream in (old, new, old):
                await gateway.reload(configuration(upstream.url))
                await client.send(GET)
                assert (await client.reply()).status == 200
            assert (len(old.requests), len(new.requests)) == (2, 1)
            await new.until(lambda: new.open == 0)


async def test_access_log(caplog: pytest.LogCaptureFixture) -> None:
    """Each answer is logged as uvicorn logs it, with the target as it came."""
    caplog.set_level(logging.INFO, "wasmgate.access")
    wire = OK + b"content-length: 0\r\n\r\n"
    async with gate(sends(wire), server={"access_log": True}) as (port, _), Client(port) as client:
        await client.send(b"GET /a%20b?c HTTP/1.1\r\nhost: x\r\n\r\n" + GET)
        for _ in range(2):
            await client.reply()
        name = "{}:{}".format(*client.writer.get_extra_info("sockname"))
        while len(caplog.records) < 2:
            await asyncio.sleep(0.01)
        lines = [record.getMessage() for record in caplog.records if "access" in record.name]
        assert lines == [f'{name} - "GET {target} HTTP/1.1" 200' for target in ("/a%20b?c", "/")]


async def test_a_policy_that_holds_is_woken(tmp_path: Path) -> None:
    """Also while the upstream is silent in the middle of its response."""

    async def event(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")

    policy = with_policy(tmp_path, HOLDS, RESPONSE_HEAD)
    async with gate(event, **policy) as (port, _), Client(port) as client:
        await client.send(GET)
        assert (await client.head()).status == 200
        assert await client.chunk() == b"hello"


async def test_a_policy_that_holds_asks_for_the_body(tmp_path: Path) -> None:
    """Who expects 100 gets it although the head has not gone on."""
    policy = with_policy(tmp_path, HOLDS, REQUEST_HEAD, delay=300)
    async with gate(**policy) as (port, _), Client(port) as client:
        await client.send(POST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n")
        assert (await client.head()).status == 100
        await client.send(b"hi")
        assert (await client.reply()).status == 200


async def test_a_policy_that_refuses(tmp_path: Path) -> None:
    """Its answer is the client's, and the connection goes on."""
    async with gate(**with_policy(tmp_path, REFUSES, REQUEST_HEAD)) as (port, upstream):
        async with Client(port) as client:
            await client.send(GET + GET)
            replies = [await client.reply() for _ in range(2)]
        assert [(reply.status, reply.body) for reply in replies] == [(403, b"refused")] * 2
        assert upstream.peers == []
