"""How many clients are connected at once, on all threads together."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import resource
from operator import le, lt
from typing import TYPE_CHECKING

import pytest

from tests.gateway.direct.gate import GET, OK
from tests.gateway.direct.test_threads import served
from tests.gateway.scripted_upstream import ScriptedUpstream, sends
from tests.gateway.serving import Client, configuration
from wasmgate.gateway import Gateway
from wasmgate.gateway.client_bound import clients

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY = sends(OK + b"content-length: 0\r\n\r\n")
BOUND, CLIENTS, THREADS = 6, 24, 4


class Crowd:
    """Clients that send a request each and stay connected when they have their answers."""

    def __init__(self) -> None:
        self.answered: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def add(self, client: Client) -> None:
        """Send the request of one more client."""
        await client.send(GET)
        self._tasks.append(asyncio.create_task(self._wait(client)))

    async def _wait(self, client: Client) -> None:
        assert (await client.reply()).status == 200
        self.answered.append(client)

    async def until(self, condition: Callable[[int], bool]) -> None:
        """Wait until so many have been answered."""
        async with asyncio.timeout(20):
            while not condition(len(self.answered)):
                await asyncio.sleep(0.005)

    async def end(self) -> None:
        """Wait for all of them."""
        await asyncio.gather(*self._tasks)


async def test_no_client_more_is_served_and_each_has_its_turn() -> None:
    """One for each that leaves, whichever thread it is at."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        gateway = Gateway(configuration(upstream.url, server={"connections": BOUND}))
        async with served(gateway, THREADS, keep_alive=600) as (port, _):
            crowd = Crowd()
            for _ in range(CLIENTS):
                await crowd.add(await stack.enter_async_context(Client(port)))
            await crowd.until(lambda count: count >= BOUND)
            for left in range(CLIENTS - BOUND):
                # All others have sent their requests, so one place too many would show here.
                assert len(crowd.answered) == BOUND + left
                crowd.answered[left].writer.close()
                await crowd.until(functools.partial(lt, BOUND + left))
            await crowd.end()
            assert len(upstream.requests) == CLIENTS


async def test_that_clients_wait_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many wait, on whichever thread."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        gateway = Gateway(configuration(upstream.url, server={"connections": BOUND}))
        async with served(gateway, THREADS) as (port, _):
            crowd = Crowd()
            for _ in range(CLIENTS):
                await crowd.add(await stack.enter_async_context(Client(port)))
            for left in range(CLIENTS - BOUND):
                await crowd.until(functools.partial(le, BOUND + left))
                crowd.answered[left].writer.close()
            await crowd.end()
    said = [line for line in caplog.messages if "server.connections" in line]
    assert len(said) == 1
    assert said[0].startswith("6 clients are connected, as many as may be")


async def test_a_reload_with_a_higher_bound_lets_those_in_that_wait() -> None:
    """Without one that leaves."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        gateway = Gateway(configuration(upstream.url, server={"connections": 1}))
        async with served(gateway, THREADS, keep_alive=600) as (port, _):
            crowd = Crowd()
            for _ in range(CLIENTS):
                await crowd.add(await stack.enter_async_context(Client(port)))
            await crowd.until(lambda count: count == 1)
            await gateway.reload(configuration(upstream.url, server={"connections": CLIENTS}))
            await crowd.end()
            assert len(crowd.answered) == CLIENTS


async def test_a_reload_with_a_lower_bound_ends_no_client() -> None:
    """Those that are connected have further requests."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        gateway = Gateway(configuration(upstream.url, server={"connections": BOUND}))
        async with served(gateway, THREADS, keep_alive=600) as (port, _):
            crowd = Crowd()
            for _ in range(BOUND):
                await crowd.add(await stack.enter_async_context(Client(port)))
            await crowd.end()
            await gateway.reload(configuration(upstream.url, server={"connections": 1}))
            for client in crowd.answered:
                await client.send(GET)
                assert (await client.reply()).status == 200


async def test_a_drain_does_not_wait_for_clients_that_wait() -> None:
    """They are not accepted any more."""
    async with ScriptedUpstream(EMPTY) as upstream, contextlib.AsyncExitStack() as stack:
        gateway = Gateway(configuration(upstream.url, server={"connections": 1}))
        async with served(gateway, THREADS, keep_alive=600) as (port, server):
            for _ in range(CLIENTS):
                client = await stack.enter_async_context(Client(port))
                await client.send(GET)
            await upstream.until(lambda: len(upstream.requests) == 1)
        assert not server.failed


@pytest.mark.parametrize(
    ("descriptors", "threads", "endpoints", "connections", "expected"),
    [
        (1024, 2, 1, 256, 688),
        (1024, 2, 8, 256, 472),
        (1024, 2, 1, 1, 942),
        (65_536, 4, 2, 256, 64_928),
        (64, 2, 1, 256, 16),
        (8, 1, 1, 1, 3),
        (resource.RLIM_INFINITY, 2, 1, 256, (1 << 30) - 80 - 256),
    ],
)
def test_without_the_key_descriptors_decide(  # noqa: PLR0917 (a row of the table)
    monkeypatch: pytest.MonkeyPatch,
    descriptors: int,
    threads: int,
    endpoints: int,
    connections: int,
    expected: int,
) -> None:
    """What the process and its upstreams need is left."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    urls = [f"http://127.0.0.1:{9000 + number}" for number in range(endpoints)]
    site = {"endpoints": urls, "connections": connections}
    assert clients(configuration(*urls, clusters={"site": site}), threads=threads) == (expected, "")


def test_more_clients_than_descriptors_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to raise; the number is used as it is written."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    config = configuration("http://127.0.0.1:1", server={"connections": 5000})
    most, warning = clients(config, threads=2)
    assert most == 5000
    assert "with 1024 descriptors 688 can be served" in warning
    assert "LimitNOFILE" in warning
    fits = configuration("http://127.0.0.1:1", server={"connections": 688})
    assert clients(fits, threads=2) == (688, "")
