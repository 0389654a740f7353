"""A client's exchanges forwarded: what the native `Connection` asks is done here."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from wasmgate._native import Connection

if TYPE_CHECKING:
    from uvicorn.server import ServerState

    from wasmgate.gateway.direct.endpoint_pool import EndpointPool, PooledConnection
    from wasmgate.gateway.direct.loop_state import DirectState

__all__ = ["AHEAD", "DIALLING", "SLOW", "ConnectionRelay"]

PENDING = 64 * 1024  # bytes kept for an upstream that is not connected yet

_RELEASE = Connection.RELEASE
_GIVE_BACK = Connection.RELEASE | Connection.ABANDON
_DONE = Connection.RELEASE | Connection.ENDED
_CLOCK = Connection.ENDED | Connection.TIMED
_QUIET = Connection.RELEASE | Connection.TIMED
_OVER = Connection.CLOSE | Connection.RESET
_UNREAD = Connection.UNREAD
_WAITS = Connection.WAITS
_NOTES = Connection.NOTES
_ENDED = Connection.ENDED
_FULL = Connection.FULL
_FAILED = Connection.FAILED
_TIMED = Connection.TIMED
_PRESSURE = Connection.PRESSURE

# Why the client is not read.
AHEAD = 1  # it sends requests before their turn
SLOW = 2  # the upstream reads slowly
DIALLING = 4  # there is no upstream yet
HELD = 8  # a policy holds back as much of the request as it may


class ConnectionRelay(ABC, asyncio.Protocol):
    """Bytes between a client and the upstreams of its exchanges, one after the other.

    It is what an `EndpointPool` lends connections to.
    """

    __slots__ = (
        "_asked",
        "_choked",
        "_deadline",
        "_direct",
        "_held",
        "_native",
        "_pending",
        "_pool",
        "_server_state",
        "_since",
        "_stops",
        "_transport",
        "_upstream",
        "_waiter",
        "_waiting",
    )

    _native: Connection
    _direct: DirectState

    def __init__(self, server_state: ServerState) -> None:
        self._server_state = server_state
        self._transport = cast("asyncio.Transport", None)
        self._upstream: PooledConnection | None = None
        self._pool = cast("EndpointPool", None)  # where the upstream is from, or will be
        self._asked = False  # the pool for an upstream
        self._pending: list[bytes] = []  # for the upstream that was asked for
        self._stops = 0  # why the client is not read
        self._choked = False  # the client reads slowly
        self._held = False  # a policy holds back as much of the response as it may
        self._waiter: asyncio.Future[None] | None = None
        self._waiting = 0  # the stream that it is about
        self._since = 0.0  # the last sign of life that counts
        self._deadline: float | None = None

    @abstractmethod
    def _note(self) -> None:
        """Fetch the notes of the native connection."""

    @abstractmethod
    def _end(self, flags: int) -> None:
        """End the client's connection."""

    def pause_writing(self) -> None:
        """Read less of the upstream, and no further request: the client reads slowly."""
        self._choked = True
        self._native.choke()
        if self._upstream is not None:
            self._upstream.read(on=False)

    def resume_writing(self) -> None:
        """Read on."""
        self._choked = False
        self._since = self._direct.now
        if self._upstream is not None and not self._held:
            self._upstream.read(on=True)
        self._proceed()

    def _proceed(self) -> None:
        """Take the requests that waited until the client had its answers."""
        if not self._choked:
            self._go(AHEAD)
            self._perform(*self._native.proceed())

    def _stop(self, reason: int) -> None:
        if not self._stops and not self._transport.is_closing():
            self._transport.pause_reading()
        self._stops |= reason

    def _go(self, reasons: int) -> None:
        if self._stops:
            self._stops &= ~reasons
            if not self._stops and not self._transport.is_closing():
                self._transport.resume_reading()

    # What the native connection asks.

    def _perform(self, flags: int, client: bytes | None, upstream: bytes | None, dial: int) -> None:
        if flags & _GIVE_BACK:
            self._give_back(flags)
        if flags & _CLOCK:
            self._set_deadline(flags)
        if dial >= 0 and not self._dial(dial):
            self._perform(flags & ~_GIVE_BACK, client, None, -1)
            self._perform(*self._native.fail("no_healthy_endpoint"))
            return
        if upstream is not None:
            if self._upstream is None:
                self._keep(upstream)
            else:
                self._upstream.transport.write(upstream)
        if client is not None:
            self._transport.write(client)
        if flags & ~_QUIET:
            self._more(flags)

    def _more(self, flags: int) -> None:
        """Do what most steps do not ask."""
        if flags & _NOTES:
            self._note()
        if flags & _FAILED:
            for fault in self._native.faults():
                self._direct.faults.say(fault.partition(" to ")[0], fault)
        if flags & _PRESSURE:
            self._press()
        if flags & _ENDED:
            self._server_state.total_requests += 1
            self._since = self._direct.now
            self._forget()
        if flags & _OVER:
            self._end(flags)
        else:
            if flags & _UNREAD:
                # Not at once: other clients have their turn first.
                self._direct.loop.call_soon(self._proceed)
            if flags & _FULL:
                self._stop(AHEAD)
            else:
                self._go(AHEAD)
            if flags & _WAITS:
                self._wait()

    def _set_deadline(self, flags: int) -> None:
        timeout = self._native.timeout if flags & _TIMED else None
        self._deadline = None if timeout is None else self._direct.loop.time() + timeout

    # Policies that hold something back.

    def _press(self) -> None:
        """Read what policies have room for, and no more."""
        request, self._held = self._native.pressure
        if request:
            self._stop(HELD)
        else:
            self._since = self._direct.now
            self._go(HELD)
        if self._upstream is not None:
            self._upstream.read(on=not (self._held or self._choked))

    def _wait(self) -> None:
        """Go on when the policy does."""
        if self._waiter is None:
            self._waiting = self._native.id
            self._waiter = self._direct.driver.waiter(self._waiting)
            self._waiter.add_done_callback(self._woken)
            # The stream may have been woken before this waits.
            self._perform(*self._native.resume())

    def _woken(self, waiter: asyncio.Future[None]) -> None:
        if waiter is self._waiter:
            self._forget()
            self._perform(*self._native.resume())

    def _forget(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._direct.driver.forget(self._waiting, waiter)
            waiter.cancel()

    # The upstream.

    def _dial(self, dial: int) -> bool:
        """Take an upstream or ask for one; False when there can be none."""
        direct = self._direct
        self._since = direct.now
        pool = self._pool = direct.pool(dial)
        upstream = self._upstream = pool.take_idle(self)
        if upstream is None:
            self._pending.clear()
            self._asked = pool.request(self)
            return self._asked
        if self._choked or self._held:
            upstream.read(on=False)
        return True

    def _keep(self, data: bytes) -> None:
        self._pending.append(data)
        if sum(map(len, self._pending)) > PENDING:
            self._stop(DIALLING)

    def _give_back(self, flags: int) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.release(reusable=bool(flags & _RELEASE))
        elif self._asked:
            self._asked = False
            self._pending.clear()
            self._pool.cancel(self)
        self._go(SLOW | DIALLING)

    def connected(self, connection: PooledConnection) -> None:
        """Take the connection that was asked for."""
        self._asked = False
        self._upstream = connection
        self._since = self._direct.now
        if self._choked or self._held:
            connection.read(on=False)
        self._go(DIALLING)
        connection.transport.write(b"".join(self._pending))
        self._pending.clear()

    def refused(self, failure: str) -> None:
        """Answer instead of the upstream, which could not be reached."""
        self._asked = False
        self._pending.clear()
        self._perform(*self._native.fail(failure))

    def upstream_data(self, data: bytes) -> None:
        """Take bytes of the upstream."""
        flags, client, upstream, dial = self._native.receive_upstream(data)
        self._since = self._direct.now
        if flags == _DONE and dial < 0 and not self._stops and self._waiter is None:
            # The common end, without a look at all that is not the case.
            lent, self._upstream = cast("PooledConnection", self._upstream), None
            lent.release(reusable=True)
            if client is not None:
                self._transport.write(client)
            self._server_state.total_requests += 1
            self._deadline = None
        else:
            self._perform(flags, client, upstream, dial)

    def upstream_lost(self, *, cleanly: bool) -> None:
        """Answer instead of the upstream, or send the request again where that is safe.

        An upstream closes a connection that was idle for long just when a request is on its way: it
        was not at fault, and neither is the client (RFC 9110 section 9.2.2). The second connection
        is a new one: whatever closed the first may have closed all that were idle.
        """
        upstream, self._upstream = self._upstream, None
        self._go(SLOW)
        native = self._native
        if upstream is not None and not upstream.fresh and native.may_retry:
            _, _, head, _ = native.retry()
            self._pending = [head or b""]
            self._asked = self._pool.request(self, fresh=True)
            if not self._asked:
                self.refused("no_healthy_endpoint")
        elif cleanly:
            self._perform(*native.receive_upstream_eof())
        else:
            self._perform(*native.fail("protocol"))

    def upstream_full(self) -> None:
        """Read less of the client: the upstream reads slowly."""
        self._stop(SLOW)

    def upstream_ready(self) -> None:
        """Read on."""
        self._since = self._direct.now
        self._go(SLOW)
