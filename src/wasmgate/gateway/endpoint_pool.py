"""Connections to one endpoint for the path without ASGI: kept, bounded, lent one at a time."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from wasmgate.gateway.upstream import UpstreamLimits

__all__ = ["Borrower", "EndpointPool", "Lent"]

_LOGGER = logging.getLogger("wasmgate.gateway")


class Borrower(Protocol):
    """Who uses a connection; it is told what happens to it."""

    def lent(self, connection: Lent) -> None:
        """Take a connection that was asked for."""

    def refused(self, failure: str) -> None:
        """Know that there will be none: "connect", "timeout" or "no_healthy_endpoint"."""

    def upstream_data(self, data: bytes) -> None:
        """Take bytes of the upstream."""

    def upstream_lost(self) -> None:
        """Know that the connection is gone."""

    def pause(self) -> None:
        """Send less: the upstream reads slowly."""

    def resume(self) -> None:
        """Send on."""


class Lent(asyncio.Protocol):
    """One connection to an endpoint."""

    __slots__ = ("borrower", "fresh", "idle_since", "pool", "transport")

    def __init__(self, pool: EndpointPool) -> None:
        self.pool = pool
        self.borrower: Borrower | None = None
        self.fresh = True  # no exchange has ended on it
        self.idle_since = 0.0
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be connected."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what came; an upstream that speaks out of turn is hung up on."""
        if self.borrower is None:
            self.transport.abort()
        else:
            self.borrower.upstream_data(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave the pool."""
        self.pool.lost(self)
        if self.borrower is not None:
            self.borrower.upstream_lost()

    def pause_writing(self) -> None:
        """Be full."""
        if self.borrower is not None:
            self.borrower.pause()

    def resume_writing(self) -> None:
        """Have room again."""
        if self.borrower is not None:
            self.borrower.resume()

    def give_back(self, *, reusable: bool) -> None:
        """End the loan; a connection in the middle of something is closed."""
        self.borrower = None
        self.fresh = False
        if reusable and not self.transport.is_closing():
            self.transport.resume_reading()
            self.pool.free(self)
        else:
            self.transport.abort()


class EndpointPool:
    """At most `limits.connections` connections; who comes later waits for its turn."""

    def __init__(self, url: str, limits: UpstreamLimits) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if secure else 80)
        self._tls = ssl.create_default_context() if secure else None
        self._url = url
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._idle: list[Lent] = []
        self._open = 0  # and being opened
        self._waiting: deque[Borrower] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def borrow(self, borrower: Borrower) -> Lent | None:
        """Return an idle connection, the one used last; None: `lent` or `refused` follows."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                connection.borrower = borrower
                return connection
        self.connect(borrower)
        return None

    def connect(self, borrower: Borrower) -> None:
        """Make a new connection for `borrower`, or let it wait for its turn."""
        if self._open >= self._limits.connections:
            if len(self._waiting) < self._limits.waiting:
                self._waiting.append(borrower)
            else:
                self._loop.call_soon(borrower.refused, "no_healthy_endpoint")
            return
        self._open += 1
        task = self._loop.create_task(self._connect(borrower))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def withdraw(self, borrower: Borrower) -> None:
        """Let a borrower that is gone wait no longer."""
        if borrower in self._waiting:
            self._waiting.remove(borrower)

    async def _connect(self, borrower: Borrower) -> None:
        failure = "connect"
        try:
            async with asyncio.timeout(self._limits.connect):
                _, connection = await self._loop.create_connection(
                    lambda: Lent(self), self._host, self._port, ssl=self._tls
                )
        except TimeoutError:
            failure, connection = "timeout", None
        except OSError as error:
            _LOGGER.warning("could not connect to %s: %s", self._url, error)
            connection = None
        if connection is None:
            self._open -= 1
            borrower.refused(failure)
            self._next()
            return
        connection.borrower = borrower
        borrower.lent(connection)

    def free(self, connection: Lent) -> None:
        """Take a connection back, or lend it to who waits."""
        if self._waiting:
            borrower = self._waiting.popleft()
            connection.borrower = borrower
            borrower.lent(connection)
        elif self._closed:
            connection.transport.close()
        else:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)

    def look(self, now: float) -> None:
        """Close what has been idle for too long, before the upstream does."""
        while self._idle and now - self._idle[0].idle_since > self._limits.idle:
            self._idle.pop(0).transport.close()

    def lost(self, connection: Lent) -> None:
        """Forget a connection that is closed."""
        self._open -= 1
        if connection.borrower is None and connection in self._idle:
            self._idle.remove(connection)
        self._next()

    def _next(self) -> None:
        if self._waiting and self._open < self._limits.connections:
            self.connect(self._waiting.popleft())

    def close(self) -> None:
        """Close idle connections; lent ones go when they come back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.transport.close()
