"""A thread that is held in a function of the application, and what is said to it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from tests.gateway.direct.gate import GET
from tests.gateway.direct.test_threads import EMPTY, served
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client, configuration
from tests.test_foreign_functions import MODULE
from wasmgate.gateway import Gateway

HELD = b"GET /held HTTP/1.1\r\nhost: gate.test\r\n\r\n"


class Hold:
    """A function that policies of /held call: it returns once it may."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()

    def __call__(self, _: bytes) -> bytes:
        """Hold the caller."""
        self.entered.set()
        self.released.wait(60)
        return b""


@pytest.fixture
def hold() -> Hold:
    """Return a function that holds whoever calls it."""
    return Hold()


def gateway(upstream: ScriptedUpstream, hold: Hold) -> Gateway:
    """Build a gateway whose policy of /held calls the function."""
    policy = {
        "module": str(MODULE),
        "configuration": "request_headers: foreign acme.hold 00",
        "capabilities": {"foreign_functions": ["acme.hold"]},
    }
    routes = [
        {"match": {"prefix": "/held"}, "cluster": "site", "policies": ["guest"]},
        {"match": {"prefix": "/"}, "cluster": "site"},
    ]
    config = configuration(upstream.url, policies={"guest": policy}, routes=routes)
    return Gateway(config, foreign_functions={"acme.hold": hold})


async def test_other_threads_serve(hold: Hold) -> None:
    """The clients of the thread wait, and are answered after it; those of others are answered."""
    async with (
        ScriptedUpstream(EMPTY) as upstream,
        contextlib.AsyncExitStack() as stack,
        served(gateway(upstream, hold), 2) as (port, _),
    ):
        first = await stack.enter_async_context(Client(port))
        await first.send(HELD)
        await asyncio.to_thread(hold.entered.wait, 60)
        clients = [await stack.enter_async_context(Client(port)) for _ in range(24)]
        for client in clients:
            await client.send(GET)
        replies = [asyncio.ensure_future(client.reply()) for client in clients]
        await asyncio.wait(replies, return_when=asyncio.FIRST_COMPLETED)
        assert not hold.released.is_set()
        hold.released.set()
        statuses = {reply.status for reply in await asyncio.gather(*replies)}
        assert statuses | {(await first.reply()).status} == {200}


async def test_what_was_sent_before_a_stop_is_answered(hold: Hold) -> None:
    """Requests that wait in the system's queues: of new connections, and of one that was idle."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        async with served(gateway(upstream, hold), 1) as (port, server):
            idle = await stack.enter_async_context(Client(port))
            await idle.send(GET)
            await idle.reply()
            first = await stack.enter_async_context(Client(port))
            await first.send(HELD)
            await asyncio.to_thread(hold.entered.wait, 60)
            clients = [await stack.enter_async_context(Client(port)) for _ in range(100)]
            for client in [idle, *clients]:
                await client.send(GET)
            server.drain(10)
            hold.released.set()
            answered = [await client.reply() for client in [idle, first, *clients]]
        assert [reply.status for reply in answered] == [200] * 102
        assert {tuple(reply.values(b"connection")) for reply in answered[:1]} == {(b"close",)}


async def test_a_request_that_is_on_its_way_when_the_server_stops() -> None:
    """A client that has connected, or begun a head, may send it; one that is idle is closed."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        async with served(Gateway(configuration(upstream.url)), 1, keep_alive=600) as (
            port,
            server,
        ):
            idle, fresh, begun, silent = [
                await stack.enter_async_context(Client(port)) for _ in range(4)
            ]
            await idle.send(GET)
            await idle.reply()
            await begun.send(GET[:7])
            server.drain(30)
            assert await idle.reader.read() == b""
            await fresh.send(GET)
            await begun.send(GET[7:])
            answered = [await client.reply() for client in (fresh, begun)]
            assert await silent.reader.read() == b""
        assert [(its.status, its.values(b"connection")) for its in answered] == [
            (200, [b"close"])
        ] * 2
