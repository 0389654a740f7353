"""What the threads of the data plane tell of their connections to an endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from wasmgate.gateway.standalone import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate.gateway import Gateway


class PoolReport(NamedTuple):
    """A pool of connections as a thread tells of it."""

    url: str
    open: int
    idle: int
    waiting: int


def servers(gateway: Gateway) -> list[Server]:
    """Return what serves a gateway on threads."""
    return [server for server in gateway._servers if isinstance(server, Server)]


def pools(gateway: Gateway) -> list[PoolReport]:
    """Ask the threads that serve a gateway."""
    return [PoolReport(*each) for server in servers(gateway) for each in server.report()[1]]


def unread(gateway: Gateway) -> int:
    """Return the most bytes that a client of the gateway has not taken."""
    return max(server.report()[0] for server in servers(gateway))


async def pool_until(gateway: Gateway, met: Callable[[PoolReport], bool]) -> PoolReport:
    """Wait until the one pool is as it should be."""
    async with asyncio.timeout(5):
        while not any(met(pool) for pool in pools(gateway)):
            await asyncio.sleep(0.01)
    return pools(gateway)[0]
