"""How a connection is closed while the client may still be sending."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from uvicorn.server import ServerState

__all__ = ["Farewell"]

LINGER = 2.0  # seconds
STALLED = 60.0  # seconds


class Farewell(asyncio.Protocol):
    """Reads on for a while, and keeps nothing of it.

    Closing a socket with unread bytes resets the connection, and a reset can overtake the answer
    that was just written (RFC 9112 section 9.6).
    """

    def __init__(self, transport: asyncio.Transport, server_state: ServerState) -> None:
        self._transport = transport
        self._connections = cast("set[Any]", server_state.connections)
        self._connections.add(self)
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(LINGER, transport.close),
            loop.call_later(LINGER + STALLED, transport.abort),
        ]
        transport.set_protocol(self)
        if transport.can_write_eof():
            transport.write_eof()
            if not transport.is_reading():
                transport.resume_reading()
        else:
            transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Be gone."""
        self._connections.discard(self)
        for timer in self._timers:
            timer.cancel()

    def shutdown(self) -> None:
        """Wait no longer; uvicorn calls it before it stops."""
        self._transport.close()
