"""A gateway without ASGI before a scripted upstream, and what tests say to it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client, Reply, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.scripted_upstream import Script

GET = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: gate.test\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def gate(
    *scripts: Script,
    server: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401 (parts of a configuration)
) -> AsyncIterator[tuple[int, ScriptedUpstream]]:
    """Serve a gateway; gives its port and its upstream. `server`: settings of uvicorn.

    `config`: parts of a configuration, as `changes` are.
    """
    async with (
        ScriptedUpstream(*scripts) as upstream,
        serve(
            Gateway(configuration(upstream.url, **(config or {}), **changes)), **(server or {})
        ) as port,
    ):
        yield port, upstream


async def converse(port: int, data: bytes) -> list[Reply]:
    """Send bytes, and read responses until the server closes."""
    replies: list[Reply] = []
    async with Client(port) as client:
        await client.send(data)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                replies.append(await client.reply())
    return replies


async def wait_until_closed(client: Client, within: float = 10) -> bytes:
    """Read what comes until the server closes."""
    async with asyncio.timeout(within):
        return await client.reader.read()
