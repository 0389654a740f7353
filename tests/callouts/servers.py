"""Real servers for callouts, on this machine alone; each ends with its test."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REDIS = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")


class Server:
    """A server: where it listens, and its process."""

    def __init__(self, port: int, process: asyncio.subprocess.Process) -> None:
        self.port = port
        self.process = process

    async def stop(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def redis(
    folder: Path, *options: str, port: int = 0, program: str | None = REDIS
) -> AsyncIterator[Server]:
    """Run a Redis server with options of its command line; port 0 takes a free one."""
    assert program is not None
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        *(program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)),
        *options,
        stdout=asyncio.subprocess.DEVNULL,
    )
    server = Server(port, process)
    try:
        await answers(port)
        yield server
    finally:
        await server.stop()


async def answers(port: int) -> None:
    """Wait until a server listens on a port."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.02)
