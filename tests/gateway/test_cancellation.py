"""After a cancellation at any point no half-read connection is reused, and no slot leaks."""

from __future__ import annotations

import asyncio
import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, echo, silent
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import UpstreamError
from wasmgate.upstream import HttpUpstream, UpstreamLimits

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

SLOTS = 2
MANY = 400  # more than any scenario here waits


class CancelledAt:
    """Awaits a coroutine in a task that is cancelled as the coroutine suspends for the n-th time.

    `reached` tells whether there was an n-th time.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, object], n: int) -> None:
        self.coroutine = coroutine
        self.n = n
        self.reached = False
        self.task = asyncio.ensure_future(self)

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self.coroutine.__await__()
        resume = steps.__next__
        for suspensions in itertools.count():
            try:
                awaited = resume()
            except StopIteration:
                return
            if suspensions == self.n:
                self.reached = True
                self.task.cancel()
            try:
                yield awaited
                resume = steps.__next__
            except asyncio.CancelledError as error:
                resume = functools.partial(steps.throw, error)


async def slowly(peer: Peer) -> None:
    """Script: answers in parts, so that a client waits at every phase."""
    while True:
        request = await peer.request()
        await asyncio.sleep(0)
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(request.line))
        await asyncio.sleep(0.001)
        await peer.send(request.line[:3])
        await asyncio.sleep(0.001)
        await peer.send(request.line[3:])


async def exchange(client: HttpUpstream, url: str, target: bytes = b"/") -> bytes:
    """One request with a body in two parts, and its response."""
    request = Request(endpoint=url, method="POST", length=2, target=target)
    transaction = client.begin(request, b"a", end=False)
    try:
        await asyncio.sleep(0)
        await transaction.write(b"b", end=True)
        return await read_body(transaction)
    finally:
        transaction.close()


async def prove_whole(client: HttpUpstream, upstream: ScriptedUpstream) -> None:
    """Every slot still works, with its own answers, and no more than they are open."""
    targets = [b"/%d" % i for i in range(2 * SLOTS)]
    answers = await asyncio.gather(*(exchange(client, upstream.url, t) for t in targets))
    assert answers == [b"POST %b HTTP/1.1" % target for target in targets]
    await upstream.until(lambda: upstream.open <= SLOTS)


@pytest.mark.parametrize("rivals", [0, SLOTS, 2 * SLOTS])
@pytest.mark.parametrize("warm", [False, True])
async def test_cancelled_at_every_await(rivals: int, warm: bool) -> None:  # noqa: FBT001
    """Cancelled at its first, second, … suspension, a transaction gives back what it had."""
    client = HttpUpstream(limits=UpstreamLimits(connections=SLOTS))
    async with ScriptedUpstream(slowly) as upstream:
        for n in range(MANY):
            if not warm:
                client.close()
                client = HttpUpstream(limits=UpstreamLimits(connections=SLOTS))
            others = [asyncio.ensure_future(exchange(client, upstream.url)) for _ in range(rivals)]
            await asyncio.sleep(0)
            victim = CancelledAt(exchange(client, upstream.url), n)
            await asyncio.wait([victim.task])
            await asyncio.gather(*others)
            await prove_whole(client, upstream)
            if not victim.reached:
                break
        assert 2 < n < MANY - 1
    client.close()


@pytest.mark.parametrize("rivals", [0, SLOTS, 2 * SLOTS])
async def test_cancelled_at_any_moment(rivals: int) -> None:
    """Cancelled after any number of turns of the loop, also between a hand-over and its receipt."""
    client = HttpUpstream(limits=UpstreamLimits(connections=SLOTS))
    async with ScriptedUpstream(slowly) as upstream:
        for turns in range(60):
            others = [asyncio.ensure_future(exchange(client, upstream.url)) for _ in range(rivals)]
            victim = asyncio.ensure_future(exchange(client, upstream.url))
            for _ in range(turns):
                await asyncio.sleep(0)
            victim.cancel()
            await asyncio.gather(victim, return_exceptions=True)
            await asyncio.gather(*others)
            await prove_whole(client, upstream)
    client.close()


async def test_handed_over_and_cancelled() -> None:
    """A waiter that is cancelled in the turn in which it gets a connection passes it on."""
    client = HttpUpstream(limits=UpstreamLimits(connections=1))
    async with ScriptedUpstream() as upstream:
        for turns in range(12):
            holder = asyncio.ensure_future(exchange(client, upstream.url))
            await asyncio.sleep(0)
            waiters = [asyncio.ensure_future(exchange(client, upstream.url)) for _ in range(2)]
            await holder
            for _ in range(turns):
                await asyncio.sleep(0)
            waiters[0].cancel()
            assert await waiters[1] == b"POST / HTTP/1.1"
        assert upstream.open <= 1
    client.close()


async def test_handed_a_slot_and_cancelled() -> None:
    """A waiter that is cancelled in the turn in which it may connect passes that on."""
    client = HttpUpstream(limits=UpstreamLimits(connections=1))
    async with ScriptedUpstream() as upstream:
        holder = client.begin(Request(endpoint=upstream.url), b"", end=True)
        waiters = [asyncio.ensure_future(exchange(client, upstream.url)) for _ in range(2)]
        await asyncio.sleep(0)
        holder.close()
        waiters[0].cancel()
        assert await waiters[1] == b"POST / HTTP/1.1"
    client.close()


@pytest.mark.parametrize("turns", range(12))
async def test_closed_while_sent_again(turns: int) -> None:
    """A transaction that is given up while it connects anew leaves nothing behind."""
    closed = asyncio.Event()

    async def hang_up_later(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.request()
        peer.close()
        closed.set()

    client = HttpUpstream(limits=UpstreamLimits(connections=1))
    async with ScriptedUpstream(hang_up_later, silent, echo) as upstream:
        request = Request(endpoint=upstream.url)
        await read_body(client.begin(request, b"", end=True))
        transaction = client.begin(request, b"", end=True)
        response = asyncio.ensure_future(transaction.response())
        await closed.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        transaction.close()
        with pytest.raises(UpstreamError, match="given up"):
            await response
        await upstream.until(lambda: upstream.open == 0)
        upstream.scripts = (echo,)
        assert await exchange(client, upstream.url) == b"POST / HTTP/1.1"
    client.close()


async def test_handed_over_and_closed() -> None:
    """A connection that dies between hand-over and receipt is replaced by a new one."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b"POST / HTTP/1.1")
        peer.close()

    client = HttpUpstream(limits=UpstreamLimits(connections=1))
    async with ScriptedUpstream(once) as upstream:
        waiters = [asyncio.ensure_future(exchange(client, upstream.url)) for _ in range(4)]
        await asyncio.gather(*waiters, return_exceptions=True)
        upstream.scripts = (echo,)
        assert await exchange(client, upstream.url) == b"POST / HTTP/1.1"
    client.close()


async def test_closed_before_the_answer(client: HttpUpstream) -> None:
    """A transaction that is given up closes its connection at once."""
    async with ScriptedUpstream(silent) as upstream:
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True)
        await upstream.until(lambda: bool(upstream.requests))
        transaction.close()
        await upstream.until(lambda: upstream.open == 0)


async def test_close_after_the_end_keeps_the_connection(client: HttpUpstream) -> None:
    """`close` on what has ended touches nothing: the connection may serve another by then."""
    async with ScriptedUpstream() as upstream:
        request = Request(endpoint=upstream.url)
        first = client.begin(request, b"", end=True)
        await first.response()
        second = client.begin(request, b"", end=True)
        first.close()
        await second.response()
        assert (await read_body(second), len(upstream.peers)) == (b"GET / HTTP/1.1", 1)
