"""Ways to ask the app of `tests.servers.app`: test clients in this process, and real servers."""

from __future__ import annotations

import asyncio
import importlib
import warnings
from typing import TYPE_CHECKING, Any, Protocol, cast

import httpx
import pytest

from tests.servers.starting import SERVERS, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmgate._asgi import ASGIApp

BASE = "http://gate.test"


class Ask(Protocol):
    """Sends one request and gives its response."""

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        """Send it; `more` is what httpx takes."""


def starlette_client() -> Any:  # noqa: ANN401 (starlette says which)
    """Return Starlette's TestClient, whichever client package it prefers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("starlette.testclient").TestClient


def through_starlette(app: ASGIApp, *, entered: bool) -> Iterator[Ask]:
    """Ask through Starlette's TestClient, as it is or as a context manager."""
    client = starlette_client()(app, base_url=BASE)
    if entered:
        with client:
            yield client.request
    else:
        yield client.request


def transport(app: ASGIApp) -> Iterator[Ask]:
    """Ask through httpx's ASGITransport."""

    async def request(method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        inside = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=inside, base_url=BASE) as client:
            return await client.request(method, path, **more)

    yield lambda method, path, **more: asyncio.run(request(method, path, **more))


def server(name: str, cache: Path, folder: Path) -> Iterator[Ask]:
    """Ask a real server, which is started once for all tests of a file."""
    name, _, version = name.partition("/")
    with (
        started(SERVERS[name], cache, folder / "log") as (port, process),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", http1=version != "h2", http2=version == "h2"
        ) as client,
    ):
        assert process.poll() is None, (folder / "log").read_text()
        yield cast("Ask", client.request)


IN_PROCESS = ("TestClient", "with TestClient", "ASGITransport")


@pytest.fixture(scope="module", params=[*IN_PROCESS, *SERVERS, "hypercorn/h2"])
def ask(
    request: pytest.FixtureRequest, artifacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ask]:
    """Ask through each of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASMGATE_CACHE", str(artifacts))
        if request.param not in IN_PROCESS:
            yield from server(request.param, artifacts, tmp_path_factory.mktemp("server"))
            return
        # Made anew: what one policy counted must not be there for the next client.
        module = importlib.import_module("tests.servers.app")
        app = importlib.reload(module).app
        if request.param == "ASGITransport":
            yield from transport(app)
        else:
            yield from through_starlette(app, entered=request.param == "with TestClient")
