"""One request and its response on one of a pool's connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate._native import REPLAYED_BYTES, is_idempotent
from wasmgate.errors import UpstreamError, UpstreamTimeout

if TYPE_CHECKING:
    from wasmgate.upstream.connection import Connection
    from wasmgate.upstream.pool import Pool
    from wasmgate.upstream.port import EarlyHints, Fields, UpstreamRequest

NEVER = float("inf")


class HttpTransaction:
    """A `Transaction` over HTTP/1.1.

    It holds its connection until the response has been read from the socket, not until it has
    been consumed: what is buffered here outlives the loan.
    """

    __slots__ = (
        "_body",
        "_closed",
        "_connection",
        "_deadline",
        "_error",
        "_first",
        "_pool",
        "_quiet_until",
        "_remaining",
        "_repeatable",
        "_room",
        "_waiter",
        "_writer",
        "bodiless",
        "buffered",
        "ended",
        "headers",
        "heard",
        "hints",
        "sent",
        "status",
        "trailers",
    )

    def __init__(
        self, pool: Pool, request: UpstreamRequest, chunk: bytes, *, end: bool, deadline: float
    ) -> None:
        self._pool = pool
        self._connection: Connection | None = None
        self._closed = False
        self._deadline = deadline
        self._quiet_until = NEVER
        self._remaining = request.length  # body bytes still to come; None: chunked
        self._body: list[bytes] = []
        self._error: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._first = request.head + self._frame(chunk, end=end)  # empty: not to be sent again
        self._room = len(request.head) + REPLAYED_BYTES
        self._repeatable = is_idempotent(request.method) and len(self._first) <= self._room
        self.bodiless = request.method == "HEAD"
        self.buffered = 0
        self.ended = False
        self.headers: Fields = []
        self.heard = True  # since the last look at the clock
        self.hints: list[bytes] = []  # the values of `link` of 103 (RFC 8297), not told yet
        self.status = 0
        self.trailers: Fields = []

    # The consumer's side.

    @property
    def accepting(self) -> bool:
        """Whether the upstream still wants the rest of the request body."""
        return not self.sent and (self._connection is not None or self._comes_again)

    @property
    def _comes_again(self) -> bool:
        """Whether the request will be sent again."""
        return self._error is not None and bool(self._first) and not self._closed

    def start(self, connection: Connection) -> None:
        """Send the head and the first body bytes in one write.

        They are kept while they can be sent again: the method may be repeated, and the connection
        may have been closed by the other end before they came.
        """
        data = self._first
        if not (connection.reused and self._repeatable):
            self._first = b""
        self._connection = connection
        connection.start(self, data)
        if self._writer is not None:
            self.wake_writer()

    async def write(self, chunk: bytes, *, end: bool) -> None:
        """Send body bytes; waits while the upstream reads slower than they come.

        Bytes that come after the response has ended, or failed, are dropped: `accepting` tells.
        """
        while self._connection is None and self._comes_again:
            await self._wait_to_write()
        connection = self._connection
        if connection is None:
            return
        data = self._frame(chunk, end=end)
        self.heard = True
        if self._first:
            whole = len(self._first) + len(data) <= self._room
            self._first = self._first + data if whole else b""
        connection.write(data)
        while connection.writing_paused and self._connection is connection:
            await self._wait_to_write()

    async def _wait_to_write(self) -> None:
        self._writer = asyncio.get_running_loop().create_future()
        try:
            await self._writer
        finally:
            self._writer = None

    async def response(self, early: EarlyHints | None = None) -> None:
        """Wait for the final response's head; `early` is told of the hints before it."""
        while not self.status:
            if self.hints and early is not None:
                hints, self.hints = self.hints, []
                await early(hints)
                continue
            if self._error is not None:
                if not self._first or self._closed:
                    raise self._error
                await self._send_again(self._error)
            else:
                await self._wait()

    def take(self) -> bytes:
        """Return the body bytes that have arrived, without waiting."""
        body = self._body
        if not body:
            return b""
        chunk = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        self.buffered = 0
        connection = self._connection
        if connection is not None and connection.reading_paused:
            connection.resume_reading()
        return chunk

    async def receive(self) -> bytes:
        """Wait for body bytes. Empty bytes mean that the response has ended."""
        while not self._body and not self.ended:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self.take()

    def close(self) -> None:
        """Give up what has not ended: the connection is closed and its slot is free again."""
        self._closed = True
        if self._writer is not None:
            self.wake_writer()
        if self._connection is not None:
            error = UpstreamError("given up by the gateway", endpoint=self._pool.endpoint)
            self._connection.fail(error)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _send_again(self, error: UpstreamError) -> None:
        """Once more, on a new connection: the old one died before it said anything.

        Whatever closed it may have closed all that are idle, too (RFC 9110 §9.2.2).
        """
        self._repeatable = False
        try:
            connection = await self._pool.acquire(self._deadline, fresh=True)
        except BaseException:
            self._first = b""
            self.wake_writer()
            raise
        if self._closed:
            self._pool.release(connection)
            raise error
        self._error = None
        self.heard = True
        self._pool.watch(self)
        self.start(connection)

    def _frame(self, chunk: bytes, *, end: bool) -> bytes:
        """Body bytes as the head declared them: a wrong length would be read as a request."""
        self.sent = end
        if self._remaining is None:
            data = b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunk else b""
            return data + b"0\r\n\r\n" if end else data
        self._remaining -= len(chunk)
        if self._remaining < 0 or (end and self._remaining):
            self.close()
            raise UpstreamError(
                "the request body is not as long as its head says", endpoint=self._pool.endpoint
            )
        return chunk

    # The connection's side.

    def buffer(self, chunk: bytes) -> None:
        """Keep body bytes for the consumer."""
        self._body.append(chunk)
        self.buffered += len(chunk)

    def finish(self) -> None:
        """Note that the response has been read to its end."""
        self.ended = True
        self._leave()

    def fail(self, error: UpstreamError, *, unanswered: bool = False) -> None:
        """Note that nothing more will come; `unanswered` when nothing had come at all."""
        if not unanswered:
            self._first = b""
        self._error = error
        self._leave()

    def _leave(self) -> None:
        self._connection = None
        self._pool.unwatch(self)
        self.wake()
        if self._writer is not None:
            self.wake_writer()

    def wake(self) -> None:
        """Let whoever waits for the response look again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def wake_writer(self) -> None:
        """Let whoever waits to write look again."""
        writer = self._writer
        if writer is not None and not writer.done():
            writer.set_result(None)

    # The clock's side.

    def check(self, now: float) -> None:
        """Fail when a time limit has passed; called some ten times a second."""
        connection = self._connection
        if connection is None:
            return
        if now >= self._deadline:
            self._time_out(connection, "did not answer within the route's time")
        elif self.heard or self._owes_nothing(connection):
            self.heard = False
            self._quiet_until = now + self._pool.limits.read
        elif now >= self._quiet_until:
            self._time_out(connection, f"was silent for {self._pool.limits.read:g} s")

    def _owes_nothing(self, connection: Connection) -> bool:
        """Whether the silence is the client's: it does not read, or does not send its body."""
        return connection.reading_paused or not (self.sent or connection.writing_paused)

    def _time_out(self, connection: Connection, what: str) -> None:
        endpoint = self._pool.endpoint
        connection.fail(UpstreamTimeout(f"{endpoint} {what}", endpoint=endpoint))
