"""The gateway's tests run on both event loops: their transports differ in what they allow.

Those that use the fixture `form` run in both forms of the gateway, too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest_asyncio
import uvloop

from tests.gateway.serving import form
from wasmgate.upstream import HttpUpstream, UpstreamLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["form"]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every asynchronous test twice."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture
async def client() -> AsyncIterator[HttpUpstream]:
    """Make an upstream client with the default limits."""
    upstream = HttpUpstream()
    yield upstream
    upstream.close()


@pytest_asyncio.fixture
async def one_connection() -> AsyncIterator[HttpUpstream]:
    """Make a client that has one connection, and room for one request that waits for it."""
    upstream = HttpUpstream(limits=UpstreamLimits(connections=1, waiting=1, connect=0.3))
    yield upstream
    upstream.close()
