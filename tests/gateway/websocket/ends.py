"""A gateway between a client and a server of the package `websockets`."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as serve_websockets

from tests.gateway.serving import configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

GUEST = Path(__file__).parents[2] / "fixtures" / "hostcalls.wasm"

Handler = Callable[["ServerConnection"], Awaitable[None]]


@dataclass
class Between:
    """A gateway that serves, and the upstream's end of each connection."""

    port: int
    gateway: Gateway
    connections: list[ServerConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"ws://127.0.0.1:{self.port}/chat?room=1"

    def connect(self, **options: Any) -> connect:  # noqa: ANN401 (those of websockets)
        """Connect a client; `options` are those of `websockets`."""
        return connect(self.url, **({"compression": None, "proxy": None} | options))


async def echo(connection: ServerConnection) -> None:
    """Send every message back."""
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def between(
    handler: Handler = echo,
    *,
    upstream: dict[str, Any] | None = None,
    server: dict[str, Any] | None = None,
    **config: Any,  # noqa: ANN401 (parts of a configuration)
) -> AsyncIterator[Between]:
    """Serve a gateway before a WebSocket server.

    `upstream`: options of that server. `server`: settings of the gateway's.
    """
    connections: list[ServerConnection] = []

    async def handle(connection: ServerConnection) -> None:
        connections.append(connection)
        await handler(connection)

    options: dict[str, Any] = {"compression": None, "ping_interval": None} | (upstream or {})
    async with serve_websockets(handle, "127.0.0.1", 0, **options) as origin:
        address = next(iter(origin.sockets)).getsockname()
        gateway = Gateway(configuration(f"http://127.0.0.1:{address[1]}", **config))
        settings = {"ws": "websockets-sansio", "ws_per_message_deflate": False} | (server or {})
        async with serve(gateway, **settings) as port:
            yield Between(port, gateway, connections)


def route(**changes: object) -> dict[str, Any]:
    """Make a configuration whose one route has these keys, too."""
    return {"routes": [{"match": {"prefix": "/"}, "cluster": "site", **changes}]}


def policy(*program: str, **more: object) -> dict[str, Any]:
    """Make a configuration with the policy that does what the program says, a hostcall a line."""
    guest = {"module": str(GUEST), "configuration": "\n".join(program), **more}
    return {"policies": {"guest": guest}, "default_policies": ["guest"]}


async def exchange(client: ClientConnection, message: str | bytes) -> str | bytes:
    """Send a message and return the next that comes."""
    await client.send(message)
    return await client.recv()
