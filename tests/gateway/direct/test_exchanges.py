"""One exchange after the other on a connection, and what each of them may look like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.direct.gate import GET, OK, POST, converse, gate
from tests.gateway.scripted_upstream import sends, silent
from tests.gateway.serving import Client, ask, one_thread

if TYPE_CHECKING:
    from tests.gateway.scripted_upstream import Peer

CLOSE = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


async def test_pipelined_requests() -> None:
    """They are answered in their order, one at a time, in any order of the upstream."""
    requests = b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % i for i in range(50))
    async with gate() as (port, upstream):
        replies = await converse(port, requests + CLOSE)
        lines = [b"GET /%d HTTP/1.1" % i for i in range(50)]
        assert [reply.body for reply in replies] == [*lines, b"GET /last HTTP/1.1"]
        assert len(upstream.peers) == 1


async def test_pipelined_beyond_what_is_kept() -> None:
    """A client that sends far ahead is not read until its turn comes; nothing is lost."""
    request = POST + b"content-length: 9000\r\n\r\n" + b"x" * 9000
    async with gate() as (port, _), Client(port) as client:
        writing = asyncio.ensure_future(client.send(request * 200 + CLOSE))
        replies = [await client.reply() for _ in range(201)]
        await writing
        assert [reply.status for reply in replies] == [200] * 201


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        (b"HTTP/1.1\r\nhost: x\r\n", True),
        (b"HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", False),
        (b"HTTP/1.0\r\nhost: x\r\n", False),
        (b"HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n", True),
    ],
)
async def test_keep_alive(fields: bytes, kept: bool) -> None:  # noqa: FBT001
    """The version and Connection say whether another request follows (RFC 9112 section 9.3)."""
    async with gate() as (port, _):
        replies = await converse(port, b"GET / " + fields + b"\r\n" + CLOSE)
        assert len(replies) == 1 + kept
        assert replies[0].body == b"GET / HTTP/1.1"


async def test_http_1_0_gets_no_chunks() -> None:
    """A body of unknown length ends with the connection for HTTP/1.0."""
    chunks = OK + b"date: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with gate(sends(chunks)) as (port, _), Client(port) as client:
        await client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert await client.reader.read() == OK + b"date: x\r\nconnection: close\r\n\r\nhello"


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body(status: int) -> None:
    """204 and 304 end with their head; the connections go on."""
    head = b"HTTP/1.1 %d X\r\netag: a\r\n\r\n" % status
    async with gate(sends(head)) as (port, upstream):
        replies = await converse(port, GET + GET + CLOSE)
        assert [reply.status for reply in replies] == [status] * 3
        assert len(upstream.peers) == 1


@one_thread
async def test_head() -> None:
    """A response to HEAD has the fields that GET would have, and no body."""
    async with gate(sends(OK + b"transfer-encoding: chunked\r\n\r\n")) as (port, upstream):
        for _ in range(2):
            assert (await ask(port, method=b"HEAD")).status == 200
        assert len(upstream.peers) == 1


async def test_expect_continue() -> None:
    """`Expect: 100-continue` is answered before the upstream has responded."""
    async with gate() as (port, _), Client(port) as client:
        await client.send(POST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n")
        assert (await client.head()).status == 100
        await client.send(b"hi" + GET)
        assert [(await client.reply()).status for _ in range(2)] == [200, 200]


async def test_expect_continue_for_nothing() -> None:
    """Who is refused at once need not send the body."""
    routes = [{"match": {"prefix": "/api/"}, "cluster": "site"}]
    async with gate(routes=routes) as (port, _):
        head = POST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n"
        assert [reply.status for reply in await converse(port, head)] == [404]


async def test_trailers() -> None:
    """Trailers of a response go on, those that have no place there do not."""
    wire = OK + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\nhost: a\r\n\r\n"
    async with gate(sends(wire)) as (port, _), Client(port) as client:
        await client.send(GET)
        await client.head()
        assert await client.reader.readuntil(b"\r\n\r\n") == b"2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n"


@pytest.mark.parametrize("size", [1, 1023, 1024, 100_000, 3_000_000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_bodies_arrive_byte_for_byte(size: int, framing: str) -> None:
    """In both directions, with a length or in chunks."""
    body = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1)
    body = body[:size]
    wire = b"content-length: %d\r\n\r\n%b" % (size, body)
    if framing == "chunked":
        parts = [body[i : i + 50_000] for i in range(0, size, 50_000)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        wire = b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    async with gate(sends(OK + wire)) as (port, upstream), Client(port) as client:
        writing = asyncio.ensure_future(client.send(POST + wire))
        reply = await client.reply()
        await writing
        assert (reply.body == body, upstream.requests[0].body == body) == (True, True)


async def test_early_response() -> None:
    """An answer before the upload ends reaches a client that goes on sending."""

    async def refuse(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b"too big", status=413)

    async with gate(refuse) as (port, upstream), Client(port) as client:
        await client.send(POST + b"content-length: 100000000\r\n\r\n")
        await upstream.until(lambda: bool(upstream.requests))
        writing = asyncio.ensure_future(client.send(b"x" * 20_000_000))
        reply = await client.reply()
        assert (reply.status, reply.values(b"connection")) == (413, [b"close"])
        writing.cancel()
        await upstream.until(lambda: upstream.open == 0)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_reset_is_no_end(version: bytes) -> None:
    """A response without a length that ends in a reset is cut for the client."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK + b"\r\nhello")
        await peer.reader.readexactly(1)
        peer.reset()

    async with gate(script) as (port, _), Client(port) as client:
        await client.send(b"POST / HTTP/%b\r\nhost: x\r\ncontent-length: 2\r\n\r\n" % version)
        await client.head()
        await client.send(b"!")
        if version == b"1.0":
            with pytest.raises(ConnectionResetError):
                await client.reader.read()
        else:
            assert not (await client.reader.read()).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("method", [b"GET", b"PUT"])
@one_thread
async def test_stale_connection(method: bytes) -> None:
    """An idempotent request meets a connection that is just closed, and is sent again."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.head()
        peer.close()

    async with gate(once, once) as (port, upstream):
        await ask(port)
        assert (await ask(port, method=method)).body == b"ok"
        assert [len(peer.received) for peer in upstream.peers] == [2, 1]


async def test_sent_again_once() -> None:
    """A second connection that is closed is an answer."""

    async def never(peer: Peer) -> None:
        await peer.head()
        peer.close()

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.head()
        peer.close()

    async with gate(once, never) as (port, upstream):
        await ask(port)
        assert (await ask(port)).status == 502
        assert len(upstream.peers) == 2


@pytest.mark.parametrize("rest", [b"content-length: 0\r\n\r\n", b"content-length: 1\r\n\r\nx"])
@one_thread
async def test_not_sent_again(rest: bytes) -> None:
    """A request that may have had effects is not repeated."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.head()
        peer.close()

    async with gate(once) as (port, upstream), Client(port) as client:
        await ask(port)
        await client.send(POST + rest)
        assert (await client.reply()).status == 502
        assert len(upstream.peers) == 1


async def test_disconnect_before_the_first_byte() -> None:
    """A client that leaves takes its upstream with it."""
    async with gate(silent) as (port, upstream):
        async with Client(port) as client:
            await client.send(GET)
            await upstream.until(lambda: bool(upstream.requests))
        async with asyncio.timeout(1):
            await upstream.until(lambda: upstream.open == 0)
