"""How connections to an endpoint are lent, reused, bounded and replaced."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream, echo, silent
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import ConnectError, NoHealthyEndpoint, UpstreamError, UpstreamTimeout
from wasmgate.upstream import HttpUpstream, UpstreamLimits


async def fetch(
    client: HttpUpstream, url: str, method: str = "GET", body: bytes = b"", target: bytes = b"/"
) -> bytes:
    """Do one request and return the response's body."""
    request = Request(endpoint=url, method=method, length=len(body), target=target)
    transaction = client.begin(request, body, end=True, within=5)
    try:
        return await read_body(transaction)
    finally:
        transaction.close()


async def answer_once_then_close(peer: Peer) -> None:
    """Script: one answer, and the next request finds the connection closed."""
    await peer.request()
    await peer.answer()
    await peer.request()
    peer.close()


async def answer_once_then_reset(peer: Peer) -> None:
    """Script: one answer, and the next request is met with a reset."""
    await peer.request()
    await peer.answer()
    await peer.request()
    peer.reset()


async def test_the_last_used_is_reused(client: HttpUpstream) -> None:
    """Of several idle connections the one used last serves next."""
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url)
        first, second = [client.begin(request, b"", end=True) for _ in range(2)]
        for transaction in (second, first):
            await transaction.response()
            await read_body(transaction)
        for _ in range(3):
            await fetch(client, upstream.url)
        assert sorted(len(peer.received) for peer in upstream.peers) == [1, 4]


async def test_concurrent_requests_have_their_own_answers() -> None:
    """Many requests at once, over fewer connections, each get the answer to their own."""
    async with ScriptedUpstream() as upstream:
        limited = HttpUpstream(limits=UpstreamLimits(connections=8))
        targets = [b"/%d" % i for i in range(200)]
        answers = await asyncio.gather(
            *(fetch(limited, upstream.url, target=target) for target in targets)
        )
        assert answers == [b"GET %b HTTP/1.1" % target for target in targets]
        assert len(upstream.peers) == 8
        limited.close()


async def test_full_queue(one_connection: HttpUpstream) -> None:
    """More waiting requests than may wait are refused at once."""
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=1)
        busy = one_connection.begin(request, b"", end=False)
        waiting = asyncio.ensure_future(fetch(one_connection, upstream.url))
        await asyncio.sleep(0)
        with pytest.raises(NoHealthyEndpoint, match="1 connections busy, 1 requests wait"):
            await fetch(one_connection, upstream.url)
        busy.close()
        assert await waiting == b"GET / HTTP/1.1"


async def test_waiting_too_long(one_connection: HttpUpstream) -> None:
    """The wait for a free connection ends at the connect timeout; the slot is not lost."""
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=1)
        busy = one_connection.begin(request, b"", end=False)
        with pytest.raises(UpstreamTimeout) as caught:
            await fetch(one_connection, upstream.url)
        assert caught.value.retryable
        busy.close()
        assert await fetch(one_connection, upstream.url) == b"GET / HTTP/1.1"


async def test_refused() -> None:
    """A closed port is a ConnectError that names the endpoint and is retryable."""
    async with ScriptedUpstream() as upstream:
        url = upstream.url
    client = HttpUpstream()
    with pytest.raises(ConnectError) as caught:
        await fetch(client, url)
    assert (caught.value.endpoint, caught.value.retryable) == (url, True)
    client.close()


async def test_unknown_host(client: HttpUpstream) -> None:
    """A name that does not resolve is a ConnectError too."""
    with pytest.raises(ConnectError, match=r"nowhere\.invalid"):
        await fetch(client, "http://nowhere.invalid:1")


async def test_connect_timeout() -> None:
    """A TLS handshake that is never answered ends at the connect timeout."""
    async with ScriptedUpstream() as upstream:
        client = HttpUpstream(limits=UpstreamLimits(connect=0.2))
        with pytest.raises(UpstreamTimeout, match="no answer in time"):
            await fetch(client, upstream.url.replace("http:", "https:"))
        client.close()


async def test_idle_connections_expire() -> None:
    """An unused connection is closed after its idle time."""
    async with ScriptedUpstream() as upstream:
        client = HttpUpstream(limits=UpstreamLimits(idle=0.1))
        await fetch(client, upstream.url)
        await upstream.until(lambda: upstream.open == 0)
        assert repr(client) == "<HttpUpstream: []>"


async def test_closed_while_idle(client: HttpUpstream) -> None:
    """A connection that the peer closed while it was idle is not used, even for a POST."""

    async def one_answer(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        peer.close()

    async with ScriptedUpstream(one_answer, echo) as upstream:
        await fetch(client, upstream.url)
        await upstream.until(lambda: repr(client) == "<HttpUpstream: []>")
        assert await fetch(client, upstream.url, "POST", b"x") == b"POST / HTTP/1.1"


@pytest.mark.parametrize("script", [answer_once_then_close, answer_once_then_reset])
@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("HEAD", b""), ("PUT", b"whole")])
async def test_stale_connection_is_replaced(
    client: HttpUpstream, script: Script, method: str, body: bytes
) -> None:
    """An idempotent request that died unanswered on a reused connection is sent once more."""
    async with ScriptedUpstream(script, echo) as upstream:
        await fetch(client, upstream.url)
        await fetch(client, upstream.url, method, body)
        assert [request.body for request in upstream.peers[1].received] == [body]


async def test_stale_connection_and_post(client: HttpUpstream) -> None:
    """A POST is never sent twice."""
    async with ScriptedUpstream(answer_once_then_close, echo) as upstream:
        await fetch(client, upstream.url)
        with pytest.raises(UpstreamError, match="without an answer"):
            await fetch(client, upstream.url, "POST", b"x")
        assert len(upstream.peers) == 1


@pytest.mark.parametrize(("size", "peers"), [(2, 2), (120_000, 2), (140_000, 1)])
async def test_stale_connection_and_streamed_body(
    client: HttpUpstream, size: int, peers: int
) -> None:
    """A body that comes in parts is sent again as far as it has come, if it is not too long."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.head()
        await peer.reader.readexactly(size // 2)
        peer.close()

    async with ScriptedUpstream(once, echo) as upstream:
        await fetch(client, upstream.url)
        request = Request(endpoint=upstream.url, method="PUT", length=size)
        transaction = client.begin(request, bytes(size // 2), end=False)
        await upstream.until(lambda: len(upstream.peers) == 2 or not upstream.open)
        failed = [] if peers == 2 else [UpstreamError]
        waiting = asyncio.ensure_future(transaction.response())
        await transaction.write(bytes(size - size // 2), end=True)
        await asyncio.wait([waiting])
        assert [type(each) for each in [waiting.exception()] if each is not None] == failed
        assert len(upstream.peers) == peers
        assert [len(each.body) for each in upstream.requests[2:]] == [size] * (peers - 1)
        transaction.close()


async def test_a_second_attempt_has_a_new_connection() -> None:
    """Also when all places are taken and another request gives a connection back just then."""
    closes, answers = asyncio.Event(), asyncio.Event()

    async def closed(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.request()
        await closes.wait()
        peer.close()

    async def kept(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.request()
        await answers.wait()
        await peer.answer()

    client = HttpUpstream(limits=UpstreamLimits(connections=2))
    async with ScriptedUpstream(closed, kept, silent, echo) as upstream:
        request = Request(endpoint=upstream.url)
        both = [client.begin(request, b"", end=True) for _ in range(2)]
        await asyncio.gather(*map(read_body, both))
        busy = [asyncio.ensure_future(fetch(client, upstream.url)) for _ in range(2)]
        await upstream.until(lambda: len(upstream.requests) == 4)
        takes_the_place = asyncio.ensure_future(fetch(client, upstream.url))
        await asyncio.sleep(0)
        closes.set()
        await upstream.until(lambda: len(upstream.peers) == 3)
        answers.set()
        assert sorted(await asyncio.gather(*busy)) == [b"GET / HTTP/1.1", b"ok"]
        assert [len(peer.received) for peer in upstream.peers] == [2, 2, 1, 1]
        takes_the_place.cancel()
        client.close()


async def test_stale_connection_that_began_to_answer(client: HttpUpstream) -> None:
    """A request that got even one byte of an answer is not sent again."""

    async def half_an_answer(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.request()
        await peer.send(b"H")
        peer.close()

    async with ScriptedUpstream(half_an_answer, echo) as upstream:
        await fetch(client, upstream.url)
        with pytest.raises(UpstreamError, match="within the head"):
            await fetch(client, upstream.url)


async def test_second_attempt_is_the_last(client: HttpUpstream) -> None:
    """Sending again happens once, also when the fresh connection dies the same way."""

    async def hang_up(peer: Peer) -> None:
        await peer.request()
        peer.close()

    async with ScriptedUpstream(answer_once_then_close, hang_up) as upstream:
        await fetch(client, upstream.url)
        with pytest.raises(UpstreamError, match="without an answer"):
            await fetch(client, upstream.url)
        assert len(upstream.peers) == 2


async def test_close_lets_the_active_finish(client: HttpUpstream) -> None:
    """Closing the client closes idle connections now, and the others after their response."""
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url)
        active, idle = [client.begin(request, b"", end=True) for _ in range(2)]
        await idle.response()
        client.close()
        await active.response()
        assert await read_body(active) == b"GET / HTTP/1.1"
        await upstream.until(lambda: upstream.open == 0)


async def test_use_after_close(client: HttpUpstream) -> None:
    """A client that was closed still serves, as requests under way ask, but keeps nothing."""
    async with ScriptedUpstream() as upstream:
        client.close()
        assert await fetch(client, upstream.url) == b"GET / HTTP/1.1"
        await upstream.until(lambda: upstream.open == 0)
