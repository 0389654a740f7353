"""Real servers on loopback, each on a port that the system gives it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["listener", "serving", "url_of"]

BACKLOG = 128
# Seconds between two looks at a server that starts.
POLL = 0.01


class _Server(uvicorn.Server):
    """Leaves signals alone: two of them run in one process, and the demo decides when they stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener() -> socket.socket:
    """Return a socket that listens on a free port of loopback."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    # asyncio does so only for sockets that name their protocol. What is accepted inherits it.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def url_of(sock: socket.socket) -> str:
    """Return the URL of what listens on a socket."""
    host, port = sock.getsockname()
    return f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def serving(app: Any, sock: socket.socket) -> AsyncIterator[None]:  # noqa: ANN401 (ASGI app)
    """Serve an ASGI app on a socket while the block runs."""
    server = _Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            # A gateway passes on what the upstream says: nothing may be said twice.
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started:
            if task.done():
                raise RuntimeError("the server could not start; its log says why")
            await asyncio.sleep(POLL)
        yield
    finally:
        server.should_exit = True
        await task
