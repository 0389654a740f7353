"""A real uvicorn in front of an app, and a client that writes and reads bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import uvicorn

from wasmgate.cli.listener import listen
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway
from wasmgate.gateway.standalone import KEEP_ALIVE, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wasmgate._asgi import ASGIApp

# How a gateway is served: as an ASGI app under uvicorn, or on threads of the data plane.
FORMS = {"asgi": "httptools", "direct": "direct"}
# Of the data plane; with several a test may find each request on another one.
THREADS = int(os.environ.get("WASMGATE_TEST_THREADS", "1"))
# A test of what the pool of one thread does.
one_thread = pytest.mark.skipif(THREADS > 1, reason="each thread has a pool of its own")
# A test of what one instance of a policy counts, or of how many there are.
one_instance = pytest.mark.skipif(THREADS > 1, reason="each thread has an instance of its own")
# A test, or a whole file, that runs in both; it uses the fixture `form`.
both_forms = pytest.mark.usefixtures("form")

SETTINGS: dict[str, Any] = {
    "http": FORMS["asgi"],
    "ws": "none",
    "log_config": None,
    "access_log": False,
    "proxy_headers": False,
    "server_header": False,
    "date_header": False,
    "timeout_graceful_shutdown": 1,
}

LENGTH = re.compile(rb"^content-length: (\d+)\r$", re.MULTILINE)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Serve gateways in one form, then in the other."""
    monkeypatch.setitem(SETTINGS, "http", FORMS[request.param])
    return str(request.param)


def configuration(*endpoints: str, **changes: object) -> GatewayConfig:
    """Make a configuration with one route, `/`, to one cluster, `site`."""
    site = {"endpoints": list(endpoints)}
    routes = [{"match": {"prefix": "/"}, "cluster": "site"}]
    return GatewayConfig.model_validate({"clusters": {"site": site}, "routes": routes} | changes)


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, **settings: Any) -> AsyncIterator[int]:  # noqa: ANN401 (uvicorn's)
    """Serve an app in the form that the test is for; gives the port."""
    form = settings.get("http", SETTINGS["http"])
    if form == "direct" and isinstance(app, Gateway) and not app.in_process:
        async with serve_on_threads(app, **settings) as port:
            yield port
        return
    listener = socket.create_server(("127.0.0.1", 0))
    # What data-plane threads cannot serve, the ASGI app does.
    fallback = {"http": FORMS["asgi"]} if form == "direct" else {}
    server = uvicorn.Server(uvicorn.Config(app, **(SETTINGS | settings | fallback)))
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def serve_on_threads(
    gateway: Gateway,
    *,
    timeout_keep_alive: float = KEEP_ALIVE,
    timeout_graceful_shutdown: float = 1,
    access_log: bool = False,
    ssl_certfile: str | None = None,
    **_of_uvicorn: object,
) -> AsyncIterator[int]:
    """Serve a gateway on the data plane; gives the port."""
    listening = listen("127.0.0.1", 0, sockets=THREADS)
    listeners = listening.open(THREADS)
    listening.close()
    pem = Path(ssl_certfile) if ssl_certfile is not None else None
    server = Server(
        gateway,
        [[listener] for listener in listeners],
        keep_alive=timeout_keep_alive,
        access_log=access_log,
        certificate=(pem, pem) if pem is not None else None,
    ).start()
    try:
        yield listening.address[1]
    finally:
        server.drain(timeout_graceful_shutdown)
        await server.wait()


@dataclass(frozen=True)
class Reply:
    """A response as it was on the wire; `body` is without its chunked coding."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The fields, names in lower case, in order."""
        pairs = (line.partition(b":") for line in self.head.split(b"\r\n")[1:-2])
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a field."""
        return [value for key, value in self.fields if key == name]


class Client:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Reply:
        """Read a response's head."""
        return Reply(await self.reader.readuntil(b"\r\n\r\n"), b"")

    async def chunk(self) -> bytes:
        """Read one chunk of a chunked body."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def reply(self, *, bodiless: bool = False) -> Reply:
        """Read a whole response. Raises asyncio.IncompleteReadError when it is cut short."""
        head = (await self.head()).head
        lower = head.lower()
        if bodiless:
            body = b""
        elif b"\r\ntransfer-encoding: chunked\r\n" in lower:
            body = b""
            while chunk := await self.chunk():
                body += chunk
        else:
            length = LENGTH.search(lower)
            body = await self.reader.readexactly(int(length[1])) if length else b""
        return Reply(head, body)


async def ask(
    port: int, target: bytes = b"/", fields: bytes = b"", method: bytes = b"GET"
) -> Reply:
    """Do one request without a body."""
    async with Client(port) as client:
        await client.send(b"%b %b HTTP/1.1\r\nhost: gate.test\r\n%b\r\n" % (method, target, fields))
        return await client.reply(bodiless=method == b"HEAD")
