"""The time of a call on a thread: what other requests' policies compute is not taken from it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.callouts.busy import COMPUTES, computing, routed
from tests.callouts.places import answers, asking, welcomes
from tests.gateway.direct.gate import GET
from tests.gateway.direct.test_threads import served
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client
from wasmgate import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gateway.scripted_upstream import Peer

COMPUTE = b"GET /compute HTTP/1.1\r\nhost: gate.test\r\n\r\n"
WITHIN = COMPUTES // 2


@pytest.mark.parametrize("first", ["asks", "computes"])
async def test_the_time_counts_from_the_start_of_the_call(
    tmp_path: Path, first: str, said: Callable[[], list[str]]
) -> None:
    """Of two requests in one poll one asks and one computes for longer than the call may take."""
    async with ScriptedUpstream(welcomes) as auth, ScriptedUpstream(answers) as site:
        config = routed(
            asking(tmp_path, "auth", timeout=WITHIN), computing(tmp_path), auth.url, site.url
        )
        async with (
            served(Gateway(config), 1) as (port, _),
            contextlib.AsyncExitStack() as stack,
        ):
            busy, *both = [await stack.enter_async_context(Client(port)) for _ in range(3)]
            await busy.send(COMPUTE)
            await asyncio.sleep(0.1)  # until it is over, the thread looks at no socket
            requests = [GET, COMPUTE] if first == "asks" else [COMPUTE, GET]
            for client, request in zip(both, requests, strict=True):
                await client.send(request)
            replies = [await client.reply() for client in (busy, *both)]
            assert [reply.status for reply in replies] == [200] * 3
    assert "buffer 4 0 welcome" in said()


async def test_an_answer_that_waits_in_the_socket_is_in_time(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The service answers within the time; the thread takes the answer after it."""
    released = asyncio.Event()

    async def service(peer: Peer) -> None:
        await peer.request()
        await released.wait()
        await peer.answer(b"welcome")

    async with ScriptedUpstream(service) as auth, ScriptedUpstream(answers) as site:
        config = routed(
            asking(tmp_path, "auth", timeout=WITHIN), computing(tmp_path), auth.url, site.url
        )
        async with (
            served(Gateway(config), 1) as (port, _),
            Client(port) as asks,
            Client(port) as busy,
        ):
            await asks.send(GET)
            await auth.until(lambda: len(auth.requests) == 1)
            await busy.send(COMPUTE)
            await asyncio.sleep(0.1)
            released.set()
            assert (await asks.reply()).status == 200
            assert (await busy.reply()).status == 200
    assert "buffer 4 0 welcome" in said()
