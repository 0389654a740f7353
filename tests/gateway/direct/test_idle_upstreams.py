"""Many idle upstream connections: how they go, from either end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.gateway.direct.gate import GET, OK
from tests.gateway.scripted_upstream import ScriptedUpstream, sends
from tests.gateway.serving import Client, ask, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from wasmgate.gateway.direct.endpoint_pool import EndpointPool

MANY = 150
ANSWERS = sends(OK + b"content-length: 0\r\n\r\n")


async def used_by_many(gateway: Gateway, port: int) -> EndpointPool:
    """Do so many requests at once, and return the pool with their connections."""
    clients = [Client(port) for _ in range(MANY)]
    for client in clients:
        await client.__aenter__()
    await asyncio.gather(*(client.send(GET) for client in clients))
    assert [(await client.reply()).status for client in clients] == [200] * MANY
    for client in clients:
        await client.__aexit__()
    direct = gateway.direct()
    assert direct is not None
    pool = direct.pool(0)
    while pool._attempts or len(pool._idle) < pool._open:
        await asyncio.sleep(0.01)
    return pool


async def test_all_that_are_idle_for_too_long_go() -> None:
    """A few at a time, and none is left."""
    async with ScriptedUpstream(ANSWERS) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway) as port:
            pool = await used_by_many(gateway, port)
            opened = pool._open
            pool.check_timeouts(asyncio.get_running_loop().time() + pool.limits.idle + 1)
            assert pool._open >= opened - 64
            async with asyncio.timeout(5):
                while pool._open:
                    await asyncio.sleep(0.01)


async def test_those_that_the_upstream_closes_are_not_used() -> None:
    """They are forgotten at once, and the next request gets a new one."""
    async with ScriptedUpstream(ANSWERS) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway) as port:
            pool = await used_by_many(gateway, port)
            while len(upstream.peers) < pool._open:
                await asyncio.sleep(0.01)
            for peer in upstream.peers:
                peer.writer.close()
            async with asyncio.timeout(5):
                while pool._open:
                    await asyncio.sleep(0.01)
            assert (await ask(port)).status == 200
            assert (pool._open, len(pool._idle)) == (1, 1)
