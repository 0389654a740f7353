"""How a connection is closed while the client may still be sending."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from uvicorn.server import ServerState

__all__ = ["LingeringClose"]

LINGER = 2.0  # seconds that a client may be quiet
LONGEST = 30.0  # seconds that it may go on sending
STALLED = 60.0  # seconds until it must have taken the answer


class LingeringClose(asyncio.Protocol):
    """Reads on for a while, and keeps nothing of it.

    Closing a socket with unread bytes resets the connection, and a reset can overtake the answer
    that was just written (RFC 9112 section 9.6).
    """

    def __init__(self, transport: asyncio.Transport, server_state: ServerState) -> None:
        self._transport = transport
        self._connections = cast("set[Any]", server_state.connections)
        self._connections.add(self)
        self._heard = False
        self._loop = asyncio.get_running_loop()
        self._quiet = self._loop.call_later(LINGER, self._check_quiet)
        self._timers = [
            self._loop.call_later(LONGEST, transport.close),
            self._loop.call_later(STALLED, transport.abort),
        ]
        transport.set_protocol(self)
        if (
            transport.can_write_eof()
        ):  # TLS cannot: there the answer itself says that it is the last
            transport.write_eof()
        if not transport.is_reading():
            transport.resume_reading()

    def data_received(self, _data: bytes) -> None:
        """Let it go."""
        self._heard = True

    def _check_quiet(self) -> None:
        if self._heard:
            self._heard = False
            self._quiet = self._loop.call_later(LINGER, self._check_quiet)
        else:
            self._transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Be gone."""
        self._connections.discard(self)
        for timer in (self._quiet, *self._timers):
            timer.cancel()

    def shutdown(self) -> None:
        """Wait no longer; uvicorn calls it before it stops."""
        self._transport.close()
