"""Bodies in both directions at once, back-pressure, early answers and time limits."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream, dripping, silent
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import UpstreamError, UpstreamTimeout
from wasmgate.upstream import HttpUpstream, UpstreamLimits

OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = bytes(1024 * 1024)


async def test_head_and_first_chunk_are_one_segment(client: HttpUpstream) -> None:
    """Head and body of a small request leave in one write, so the peer reads both at once."""

    async def script(peer: Peer) -> None:
        peer.received.clear()
        first = await peer.reader.read(65_536)
        await peer.answer(first.partition(b"\r\n\r\n")[2])

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=5)
        transaction = client.begin(request, b"hello", end=True)
        assert await read_body(transaction) == b"hello"


async def test_chunked_upload(client: HttpUpstream) -> None:
    """Without a length each write is one chunk, and the last one ends the body."""
    chunks: list[bytes] = []

    async def script(peer: Peer) -> None:
        request = await peer.head()
        async for chunk in peer.body(request):
            chunks.append(chunk)  # noqa: PERF401 - the test reads it while it grows
        await peer.answer()

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=None)
        transaction = client.begin(request, b"", end=False)
        await transaction.write(b"one", end=False)
        await transaction.write(b"", end=False)
        await transaction.write(b"two", end=True)
        await transaction.response()
        assert chunks == [b"one", b"two"]


async def test_both_directions_at_once(client: HttpUpstream) -> None:
    """A response may begin before the request has ended, and go on after."""

    async def script(peer: Peer) -> None:
        request = await peer.head()
        await peer.send(OK + b"transfer-encoding: chunked\r\n\r\n")
        async for chunk in peer.body(request):
            await peer.send(b"%x\r\n%b\r\n" % (len(chunk), chunk.upper()))
        await peer.send(b"0\r\n\r\n")

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=None)
        transaction = client.begin(request, b"", end=False)
        await transaction.response()
        answers = []
        for word in (b"ping", b"pong"):
            await transaction.write(word, end=False)
            answers.append(await transaction.receive())
        await transaction.write(b"", end=True)
        assert (answers, await transaction.receive()) == ([b"PING", b"PONG"], b"")


async def test_slow_upstream_holds_the_upload_back(client: HttpUpstream) -> None:
    """`write` waits while the upstream does not read, and goes on when it does."""
    read = asyncio.Event()

    async def script(peer: Peer) -> None:
        request = await peer.head()
        await read.wait()
        size = sum([len(chunk) async for chunk in peer.body(request)])
        await peer.answer(b"%d" % size)

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=64 * len(MEGABYTE))
        transaction = client.begin(request, b"", end=False)
        written = 0

        async def upload() -> None:
            nonlocal written
            for i in range(64):
                await transaction.write(MEGABYTE, end=i == 63)
                written += 1

        task = asyncio.ensure_future(upload())
        await upstream.until(lambda: bool(upstream.requests))
        done, _ = await asyncio.wait([task], timeout=0.2)
        assert (done, written < 32) == (set(), True)
        read.set()
        await task
        assert await read_body(transaction) == b"67108864"


async def test_slow_client_holds_the_response_back(client: HttpUpstream) -> None:
    """An upstream that sends faster than its response is taken is no longer read."""
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(OK + b"content-length: %d\r\n\r\n" % (64 * len(MEGABYTE)))
        for _ in range(64):
            await peer.send(MEGABYTE)
            sent += 1

    async with ScriptedUpstream(script) as upstream:
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True)
        await transaction.response()
        before = -1
        while sent > before:  # until the upstream makes no progress
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 32
        assert len(await read_body(transaction)) == 64 * len(MEGABYTE)
        assert (client.begin(Request(endpoint=upstream.url), b"", end=True)).accepting is False


async def test_early_answer_stops_the_upload(client: HttpUpstream) -> None:
    """A whole answer before the request's end ends both; the connection is not used again."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b"too big", status=413)

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=10**12)
        transaction = client.begin(request, b"", end=False)
        while transaction.accepting:
            await transaction.write(MEGABYTE, end=False)
            await asyncio.sleep(0)
        await transaction.write(MEGABYTE, end=False)  # dropped
        await transaction.response()
        assert (transaction.status, await read_body(transaction)) == (413, b"too big")
        await upstream.until(lambda: upstream.open == 0)


async def test_early_answer_wakes_a_blocked_write(client: HttpUpstream) -> None:
    """A write that waits for an upstream that never reads ends when the answer is there."""
    blocked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await blocked.wait()
        await peer.answer(b"no", status=413)

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=None)
        transaction = client.begin(request, b"", end=False)
        for _ in range(64):
            write = asyncio.ensure_future(transaction.write(MEGABYTE, end=False))
            if not (await asyncio.wait([write], timeout=0.2))[0]:
                break
        blocked.set()
        await write
        assert transaction.accepting is False


@pytest.mark.parametrize(("chunk", "end"), [(b"toolong", False), (b"shrt", True)])
async def test_wrong_length(client: HttpUpstream, chunk: bytes, end: bool) -> None:  # noqa: FBT001
    """A body of another length than declared never reaches the next request's place."""

    async def script(peer: Peer) -> None:
        await peer.request()

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=5)
        transaction = client.begin(request, b"", end=False)
        with pytest.raises(UpstreamError, match="as long as its head says"):
            await transaction.write(chunk, end=end)
        await upstream.until(lambda: upstream.open == 0)


async def test_wrong_length_in_the_first_write(client: HttpUpstream) -> None:
    """A wrong body known from the start is refused before a connection is taken."""
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=5)
        with pytest.raises(UpstreamError, match="as long as its head says"):
            await client.begin(request, b"toolong", end=True).response()
        assert upstream.peers == []


async def half(peer: Peer) -> None:
    """Script: half a response, then nothing."""
    await peer.request()
    await peer.send(OK + b"content-length: 4\r\n\r\nha")


@pytest.mark.parametrize("script", [silent, half, dripping])
async def test_total_timeout(client: HttpUpstream, script: Script) -> None:
    """The total time bounds the whole transaction, however lively the upstream is."""
    async with ScriptedUpstream(script) as upstream:
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True, within=0.3)
        with pytest.raises(UpstreamTimeout, match="route's time"):
            await read_body(transaction)
        await upstream.until(lambda: upstream.open == 0)


@pytest.mark.parametrize("script", [silent, half])
async def test_read_timeout(script: Script) -> None:
    """An upstream that owes an answer and is silent is given up."""
    client = HttpUpstream(limits=UpstreamLimits(read=0.2))
    async with ScriptedUpstream(script) as upstream:
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True)
        with pytest.raises(UpstreamTimeout, match="silent"):
            await read_body(transaction)
        await upstream.until(lambda: upstream.open == 0)
    client.close()


async def test_read_timeout_spares_the_lively() -> None:
    """The read time counts from the last byte, not from the first."""
    client = HttpUpstream(limits=UpstreamLimits(read=0.2))
    async with ScriptedUpstream(dripping) as upstream:
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True)
        size = 0
        while size < 30:
            size += len(await transaction.receive())
        transaction.close()
    client.close()


async def test_read_timeout_spares_a_slow_client() -> None:
    """While the client has not sent its body, the upstream owes nothing."""
    client = HttpUpstream(limits=UpstreamLimits(read=0.1))
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=1)
        transaction = client.begin(request, b"", end=False)
        await asyncio.sleep(0.5)
        await transaction.write(b"x", end=True)
        await transaction.response()
        assert transaction.status == 200
    client.close()


async def test_read_timeout_on_an_upload() -> None:
    """An upstream that no longer reads the body it asked for is given up as well."""
    client = HttpUpstream(limits=UpstreamLimits(read=0.2))

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.reader.feed_data(b"")
        await asyncio.Event().wait()

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=None)
        transaction = client.begin(request, b"", end=False)
        while transaction.accepting:
            await transaction.write(MEGABYTE, end=False)
        with pytest.raises(UpstreamTimeout, match="silent"):
            await transaction.response()
        upstream.peers[0].close()
        upstream.peers[0].gone.set()
    client.close()
