"""The folder of the examples, and apps run from it."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

EXAMPLES = Path(__file__).parents[2] / "examples"

Client = Callable[[Any], httpx.AsyncClient]


@pytest.fixture
def examples() -> Path:
    """Return the folder of the examples."""
    return EXAMPLES


@pytest.fixture
def app_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Load the `app` of an example, with an empty folder as the working folder."""
    monkeypatch.chdir(tmp_path)

    def load(name: str) -> Any:  # noqa: ANN401 (an ASGI app)
        return runpy.run_path(str(EXAMPLES / name / "app.py"))["app"]

    return load


@pytest.fixture
def client() -> Client:
    """Make a client of an app in this process."""

    def make(app: Any) -> httpx.AsyncClient:  # noqa: ANN401 (an ASGI app)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")

    return make


@pytest.fixture
def serving() -> Callable[[Any], AbstractAsyncContextManager[str]]:
    """Serve an app on a free port of loopback; the block gets `host:port`."""

    @contextlib.asynccontextmanager
    async def serve(app: Any) -> AsyncIterator[str]:  # noqa: ANN401 (an ASGI app)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
            # It listens already: a connection waits in the queue until the server reads.
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield "{}:{}".format(*listener.getsockname())
            finally:
                server.should_exit = True
                await task

    return serve
