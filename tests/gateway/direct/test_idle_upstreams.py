"""Many idle upstream connections: how they go, from either end."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from tests.gateway.direct.gate import GET, OK
from tests.gateway.direct.pools import pool_until
from tests.gateway.scripted_upstream import ScriptedUpstream, sends
from tests.gateway.serving import Client, ask, configuration, one_thread, serve
from wasmgate.gateway import Gateway, deployment
from wasmgate.upstream import UpstreamLimits

if TYPE_CHECKING:
    import pytest

    from tests.gateway.scripted_upstream import Peer

pytestmark = one_thread

MANY = 150
EMPTY = OK + b"content-length: 0\r\n\r\n"
ANSWERS = sends(EMPTY)


async def used_by_many(gateway: Gateway, port: int) -> int:
    """Do so many requests at once, and return how many connections are idle after that."""
    clients = [Client(port) for _ in range(MANY)]
    for client in clients:
        await client.__aenter__()
    await asyncio.gather(*(client.send(GET) for client in clients))
    assert [(await client.reply()).status for client in clients] == [200] * MANY
    for client in clients:
        await client.__aexit__()
    return (await pool_until(gateway, lambda pool: pool.idle == pool.open > 0)).open


async def test_all_that_are_idle_for_too_long_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are more than are closed in one turn, and none is left."""
    monkeypatch.setattr(deployment, "UpstreamLimits", partial(UpstreamLimits, idle=0.5))
    everyone = asyncio.Barrier(MANY)

    async def together(peer: Peer) -> None:
        await peer.request()
        await everyone.wait()
        await peer.send(EMPTY)
        await peer.reader.read()

    async with ScriptedUpstream(together) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway) as port:
            assert await used_by_many(gateway, port) == MANY
            await pool_until(gateway, lambda pool: pool.open == 0)


async def test_those_that_the_upstream_closes_are_not_used() -> None:
    """They are forgotten at once, and the next request gets a new one."""
    async with ScriptedUpstream(ANSWERS) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway) as port:
            opened = await used_by_many(gateway, port)
            await upstream.until(lambda: len(upstream.peers) >= opened)
            for peer in upstream.peers:
                peer.writer.close()
            await pool_until(gateway, lambda pool: pool.open == 0)
            assert (await ask(port)).status == 200
            await pool_until(gateway, lambda pool: (pool.open, pool.idle) == (1, 1))
