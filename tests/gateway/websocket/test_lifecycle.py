"""What policies, pools and reloads have to do with open WebSocket connections."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from tests.gateway.serving import configuration, one_instance
from tests.gateway.websocket.ends import between, exchange, policy

if TYPE_CHECKING:
    import pytest


@one_instance
async def test_the_policies_hear_of_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """When the connection ends, not when the handshake does."""
    caplog.set_level(5, logger="wasmgate.policy")

    def said() -> list[str]:
        lines = [r.getMessage().split()[0] for r in caplog.records if r.levelno < logging.DEBUG]
        return lines[lines.index("context_create", lines.index("configure")) :]

    async with between(**policy("vm_start: log 2 hello")) as gate:
        async with gate.connect() as client:
            await exchange(client, "hello")
            assert said() == ["context_create", "request_headers", "response_headers"]
        async with asyncio.timeout(10):
            while said()[3:] != ["done", "log", "delete"]:
                await asyncio.sleep(0.01)


async def test_an_upstream_connection_is_not_used_again() -> None:
    """Each WebSocket has its own, and a request after it a new one."""
    async with between() as gate:
        for _ in range(3):
            async with gate.connect() as client:
                await exchange(client, "hello")
        ports = {connection.remote_address[1] for connection in gate.connections}
    assert len(ports) == 3


async def test_a_reload_leaves_open_connections_as_they_are() -> None:
    """They end on the configuration that they began with."""
    async with between() as gate, gate.connect() as client:
        await exchange(client, "before")
        changes = configuration("http://127.0.0.1:1", **policy("request_headers: respond 401 no"))
        await gate.gateway.reload(changes)
        for number in range(10):
            assert await exchange(client, f"after {number}") == f"after {number}"
