"""Connections to one endpoint for the path without ASGI: kept, bounded, lent one at a time."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING, Protocol, cast

from wasmgate._native import parse_endpoint

if TYPE_CHECKING:
    from wasmgate.upstream import UpstreamLimits

__all__ = ["ConnectionUser", "EndpointPool", "PooledConnection"]

_LOGGER = logging.getLogger("wasmgate.gateway")

# Of thousands that were idle for too long: to close them all in one go would stop the loop.
_CLOSED_AT_ONCE = 64


class ConnectionUser(Protocol):
    """Who uses a connection; it is told what happens to it."""

    def connected(self, connection: PooledConnection) -> None:
        """Take a connection that was asked for."""

    def refused(self, failure: str) -> None:
        """Know that there will be none: "connect", "timeout" or "no_healthy_endpoint"."""

    def upstream_data(self, data: bytes) -> None:
        """Take bytes of the upstream."""

    def upstream_lost(self, *, cleanly: bool) -> None:
        """Know that the connection is gone; not cleanly: by a reset, or another failure."""

    def upstream_full(self) -> None:
        """Send less: the upstream reads slowly."""

    def upstream_ready(self) -> None:
        """Send on."""


class PooledConnection(asyncio.Protocol):
    """One connection to an endpoint."""

    __slots__ = (
        "counted",
        "fresh",
        "full",
        "idle_since",
        "paused",
        "pool",
        "transport",
        "user",
    )

    def __init__(self, pool: EndpointPool) -> None:
        self.pool = pool
        self.user: ConnectionUser | None = None
        self.counted = False  # the pool has taken it, and is to know when it is gone
        self.fresh = True  # no exchange has ended on it
        self.full = False
        self.paused = False
        self.idle_since = 0.0
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be connected."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what came; an upstream that speaks out of turn is hung up on."""
        if self.user is None:
            self.transport.abort()
        else:
            self.user.upstream_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the pool."""
        if self.counted:
            self.pool.lost(self)
        if self.user is not None:
            self.user.upstream_lost(cleanly=exc is None)

    def pause_writing(self) -> None:
        """Be full."""
        self.full = True
        if self.user is not None:
            self.user.upstream_full()

    def resume_writing(self) -> None:
        """Have room again."""
        self.full = False
        if self.user is not None:
            self.user.upstream_ready()

    def read(self, *, on: bool) -> None:
        """Read on, or no further: the client reads slowly."""
        if self.transport.is_closing():
            return  # uvloop's transports raise then
        self.paused = not on
        if on:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def release(self, *, reusable: bool) -> None:
        """End the loan; a connection in the middle of something is closed."""
        self.user = None
        self.fresh = False
        if reusable and not self.full and not self.transport.is_closing():
            if self.paused:
                self.read(on=True)
            self.pool.free(self)
        else:
            self.transport.abort()


class EndpointPool:
    """At most `limits.connections` connections; who comes later waits for its turn.

    Waiters are served first in, first out, from released or new connections; one connect is under
    way for each waiter, up to the limit.
    """

    def __init__(self, url: str, limits: UpstreamLimits) -> None:
        _, self._host, self._port, secure = parse_endpoint(url)
        self.url = url
        self.limits = limits
        self._tls = ssl.create_default_context() if secure else None
        self._loop = asyncio.get_running_loop()
        self._idle: list[PooledConnection] = []  # the one used last is the last
        self._open = 0  # and being opened
        self._waiting: dict[ConnectionUser, float] = {}  # since when, oldest first
        self._choosy: set[ConnectionUser] = set()  # of them, those that wait for a new connection
        self._attempts: dict[asyncio.Task[PooledConnection], None] = {}  # oldest first
        self._closed = False

    def take_idle(self, user: ConnectionUser) -> PooledConnection | None:
        """Return an idle connection, the one used last, if there is any."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                connection.user = user
                return connection
        return None

    def request(self, user: ConnectionUser, *, fresh: bool = False) -> bool:
        """Let `user` wait: `lent` or `refused` follows. False when too many wait already.

        `fresh`: it gets a new connection, and none that another one gives back. What is idle is not
        for who asks: it may have been closed by the other end just now.
        """
        full = self._open >= self.limits.connections
        queued = len(self._waiting) - len(self._attempts)
        if full and self._idle:
            self._drop_oldest()
        elif full and queued >= self.limits.waiting:
            _LOGGER.warning(
                "%s: %d connections busy, %d requests wait", self.url, self._open, queued
            )
            return False
        self._waiting[user] = self._loop.time()
        if fresh:
            self._choosy.add(user)
        self._attempt()
        return True

    def cancel(self, user: ConnectionUser) -> None:
        """Let a user wait no longer."""
        if user in self._waiting:
            self._serve(user)
            if len(self._attempts) > len(self._waiting):
                self._attempts.popitem()[0].cancel()

    def _attempt(self) -> None:
        while len(self._attempts) < len(self._waiting) and self._open < self.limits.connections:
            self._open += 1
            task = self._loop.create_task(self._connect())
            self._attempts[task] = None
            task.add_done_callback(self._attempted)

    async def _connect(self) -> PooledConnection:
        async with asyncio.timeout(self.limits.connect):
            _, connection = await self._loop.create_connection(
                lambda: PooledConnection(self), self._host, self._port, ssl=self._tls
            )
        return connection

    def _attempted(self, task: asyncio.Task[PooledConnection]) -> None:
        self._attempts.pop(task, None)
        if task.cancelled():
            self._open -= 1
        elif (error := task.exception()) is not None:
            self._open -= 1
            reason = error if isinstance(error, OSError) and str(error) else "no answer in time"
            self._failed(reason, "timeout" if isinstance(error, TimeoutError) else "connect")
        elif (connection := task.result()).transport.is_closing():
            self._open -= 1
            self._failed("it closed the connection at once", "connect")
        else:
            connection.counted = True
            self.free(connection)
        self._attempt()

    def _failed(self, reason: object, failure: str) -> None:
        if self._waiting:
            _LOGGER.warning("cannot connect to %s: %s", self.url, reason)
            self._refuse(failure)

    def _refuse(self, failure: str) -> None:
        self._serve(user := next(iter(self._waiting)))
        user.refused(failure)

    def _serve(self, user: ConnectionUser) -> None:
        """Let it wait no longer."""
        del self._waiting[user]
        self._choosy.discard(user)

    def free(self, connection: PooledConnection) -> None:
        """Take a connection: for the first waiter, or to keep it idle."""
        user = self._next(connection) if self._waiting else None
        if user is not None:
            self._serve(user)
            connection.user = user
            user.connected(connection)
        elif self._closed or (self._waiting and self._open >= self.limits.connections):
            connection.transport.abort()  # in its place a new one is made for a waiter
        else:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)

    def _next(self, connection: PooledConnection) -> ConnectionUser | None:
        """Return the user that has waited longest of those that take the connection."""
        for user in self._waiting:
            if connection.fresh or user not in self._choosy:
                return user
        return None

    def lost(self, connection: PooledConnection) -> None:
        """Forget a connection that is closed."""
        # What was idle stays in the list until its turn comes: to look for it there, for each of
        # thousands that an upstream closes at once, would stop the loop.
        connection.counted = False
        self._open -= 1
        self._attempt()

    def _drop_oldest(self) -> None:
        """Close the connection that has been idle for longest."""
        oldest = self._idle.pop(0)
        if oldest.counted:
            oldest.counted = False
            self._open -= 1
            oldest.transport.abort()

    def check_timeouts(self, now: float) -> None:
        """Close what has been idle for too long, before the upstream does; end long waits."""
        for _ in range(_CLOSED_AT_ONCE):
            if not self._idle or now - self._idle[0].idle_since <= self.limits.idle:
                break
            self._drop_oldest()
        else:
            self._loop.call_soon(self.check_timeouts, now)  # after what came meanwhile
        while self._waiting and now - next(iter(self._waiting.values())) > self.limits.connect:
            _LOGGER.warning("no connection to %s in time: %d open", self.url, self._open)
            self._refuse("timeout")

    def close(self) -> None:
        """Close idle connections; lent ones go when they come back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.transport.abort()
