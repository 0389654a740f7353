"""The connections to one endpoint: lent, taken back, bounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate._native import parse_endpoint
from wasmgate.errors import ConnectError, NoHealthyEndpoint, UpstreamTimeout
from wasmgate.upstream.connection import Connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from wasmgate.upstream.dial import Dial
    from wasmgate.upstream.limits import UpstreamLimits
    from wasmgate.upstream.transaction import HttpTransaction


class Pool:
    """Connections to one endpoint.

    A slot is counted in `_open` from before the connection is attempted until it is closed. A
    waiting request is handed a connection, or None: a slot to connect with. Whoever has been
    handed something and is cancelled before it could use it gives it back.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        limits: UpstreamLimits,
        tls: Callable[[], ssl.SSLContext],
        dial: Dial,
        active: set[HttpTransaction],
    ) -> None:
        _, self._host, self._port, secure = parse_endpoint(endpoint)
        self.endpoint = endpoint
        self.limits = limits
        self._tls = tls if secure else None
        self._dial = dial
        self._loop = asyncio.get_running_loop()
        self._idle: dict[Connection, None] = {}  # oldest first
        self._waiting: dict[asyncio.Future[Connection | None], None] = {}  # oldest first
        self._open = 0
        self._retired = False
        self.watch = active.add
        self.unwatch = active.discard

    def __repr__(self) -> str:
        return (
            f"<Pool {self.endpoint}: {self._open} open, {len(self._idle)} idle,"
            f" {len(self._waiting)} waiting>"
        )

    @property
    def unused(self) -> bool:
        """Whether it holds nothing and nobody waits."""
        return not (self._open or self._waiting)

    def idle(self) -> Connection | None:
        """Lend the connection that was used last, if one is idle: it is the least likely stale."""
        while self._idle:
            connection = self._idle.popitem()[0]
            if not connection.closing:
                return connection
            connection.abort()
        return None

    async def acquire(self, deadline: float, *, fresh: bool = False) -> Connection:
        """Connect, or lend what comes free when there are connections enough already.

        `fresh`: then what comes free is closed, and a new one takes its place.

        Raises ConnectError, UpstreamTimeout, or NoHealthyEndpoint when too many wait already.
        """
        limits = self.limits
        loop = self._loop
        until = min(deadline, loop.time() + limits.connect)
        try:
            async with asyncio.timeout_at(until):
                return await self._acquire(fresh=fresh)
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"no connection to {self.endpoint} in time: {self._open} of"
                f" {limits.connections} open, {len(self._waiting)} requests waiting",
                endpoint=self.endpoint,
                retryable=True,
            ) from error

    async def _acquire(self, *, fresh: bool) -> Connection:
        while self._open >= self.limits.connections:
            connection = self.idle() or await self._wait()
            if connection is None:
                return await self._connect()
            # It may have died between the hands.
            if not connection.closing and not (fresh and connection.reused):
                return connection
            connection.abort()
        self._open += 1
        return await self._connect()

    async def _wait(self) -> Connection | None:
        if len(self._waiting) >= self.limits.waiting:
            raise NoHealthyEndpoint(
                f"{self.endpoint} has {self._open} connections busy and"
                f" {len(self._waiting)} requests waiting for one",
                endpoint=self.endpoint,
                hint="add endpoints, or look for what makes this one slow",
            )
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiting[waiter] = None
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiting.pop(waiter, None)
            if waiter.done() and not waiter.cancelled():  # handed over as the cancellation came
                self._return(waiter.result())
            raise

    async def _connect(self) -> Connection:
        """Connect with a slot that is already counted."""
        connection = Connection(self)
        context = self._tls() if self._tls else None
        try:
            await self._dial(lambda: connection, self._host, self._port, context)
        except OSError as error:
            connection.abort()
            if isinstance(error, TimeoutError):
                raise
            raise ConnectError(
                f"cannot connect to {self.endpoint}: {error}",
                endpoint=self.endpoint,
                retryable=True,
            ) from error
        except BaseException:
            connection.abort()
            raise
        if connection.closing:
            connection.abort()
            raise ConnectError(
                f"{self.endpoint} closed the connection at once",
                endpoint=self.endpoint,
                retryable=True,
            )
        return connection

    # The connection's side.

    def release(self, connection: Connection) -> None:
        """Take back a connection that has served its transaction."""
        if self._retired or connection.closing:
            connection.abort()
        else:
            self._give_back(connection)

    def closed(self, connection: Connection) -> None:
        """Take back the slot of a connection that has closed."""
        self._idle.pop(connection, None)
        self._give_back(None)

    def _return(self, handed: Connection | None) -> None:
        if handed is None:
            self._give_back(None)
        else:
            self.release(handed)

    def _give_back(self, connection: Connection | None) -> None:
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(connection)
        elif connection is None:
            self._open -= 1
        else:
            connection.idle_since = self._loop.time()
            self._idle[connection] = None

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiting:
            waiter = next(iter(self._waiting))
            del self._waiting[waiter]
            if not waiter.done():
                return waiter
        return None

    # The client's side.

    def expire(self, before: float) -> None:
        """Close the connections that have been idle since before that time."""
        while self._idle:
            oldest = next(iter(self._idle))
            if oldest.idle_since > before:
                return
            oldest.abort()

    def retire(self) -> None:
        """Close what is idle, and what is busy when it is done."""
        self._retired = True
        self.expire(float("inf"))
