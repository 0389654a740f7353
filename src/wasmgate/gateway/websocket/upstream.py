"""The upstream's end of a WebSocket connection: a client of the package `websockets`."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers
from websockets.http11 import Request

from wasmgate._native import parse_endpoint

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.datastructures import HeadersLike
    from websockets.typing import Subprotocol

    from wasmgate._native import UpstreamRequest

__all__ = ["CLOSE_TIMEOUT", "open_upstream"]

CLOSE_TIMEOUT = 5.0  # seconds for the other end to close, too

_QUEUED = 2  # messages that are read ahead of the client


class _Connection(ClientConnection):
    """Sends the head that the gateway has written in place of one of its own."""

    def __init__(
        self,
        protocol: ClientProtocol,
        *,
        head: Request,
        **options: Any,  # noqa: ANN401 (those of websockets)
    ) -> None:
        super().__init__(protocol, **options)
        self._head = head

    async def handshake(
        self,
        additional_headers: HeadersLike | None = None,
        user_agent_header: str | None = None,
    ) -> None:
        """Send the head and wait for the answer, which has to be one to its key."""
        del additional_headers, user_agent_header
        self.protocol.key = self._head.headers["sec-websocket-key"]
        self.protocol.connect = lambda: self._head  # type: ignore[method-assign]
        await super().handshake(None, None)


class _Connect(connect):
    """Connects once: an answer that sends the client elsewhere is for the client."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_upstream(request: UpstreamRequest, *, message_size: int) -> ClientConnection:
    """Connect to the endpoint of a request whose head is that of a handshake.

    Raises OSError, TimeoutError and `websockets.exceptions.InvalidHandshake`.
    """
    _, host, port, secure = parse_endpoint(request.endpoint)
    headers = Headers(
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    )
    offered = [
        name.strip()
        for value in headers.get_all("sec-websocket-protocol")
        for name in value.split(",")
    ]
    head = Request(request.target.decode("latin-1"), headers)
    subprotocols: list[Subprotocol] | None = offered or None  # type: ignore[assignment]
    return await _Connect(
        f"{'wss' if secure else 'ws'}://{_authority(host, port)}/",
        create_connection=partial(_Connection, head=head),  # type: ignore[arg-type]
        subprotocols=subprotocols,
        compression=None,
        proxy=None,
        ssl=ssl.create_default_context() if secure else None,
        user_agent_header=None,
        open_timeout=None,
        close_timeout=CLOSE_TIMEOUT,
        ping_interval=None,
        max_size=message_size,
        max_queue=_QUEUED,
    )


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
