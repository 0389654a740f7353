"""The path without ASGI: a server's protocol class that forwards bytes.

It plugs into uvicorn (`http=GatewayProtocol`), whose are sockets, TLS, workers and signals. The
native `Connection` decides and this carries the bytes: a forwarded request costs two crossings and
two writes. What is not forwarded, a WebSocket handshake, goes to uvicorn's own protocol and the
ASGI app, with all that follows on the connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from wasmgate._native import Connection
from wasmgate.gateway.app import Gateway

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from wasmgate.gateway.direct import Direct
    from wasmgate.gateway.endpoint_pool import EndpointPool, Lent

__all__ = ["GatewayProtocol"]

_RELEASE = Connection.RELEASE
_GIVE_BACK = Connection.RELEASE | Connection.ABANDON
_CLOSE = Connection.CLOSE
_RESET = Connection.RESET
_HAND_OVER = Connection.HAND_OVER
_WAITS = Connection.WAITS
_NOTES = Connection.NOTES
_ENDED = Connection.ENDED
_FULL = Connection.FULL

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\n"
)

_Out = tuple[int, bytes | None, bytes | None, int]


class GatewayProtocol(asyncio.Protocol):
    """One client's connection. The arguments are what uvicorn's server gives its protocols."""

    __slots__ = (
        "_config",
        "_direct",
        "_gateway",
        "_native",
        "_pending",
        "_pool",
        "_state",
        "_transport",
        "_upstream",
        "_waiter",
        "_waiting",
        "deadline",
        "since",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 (a lifespan's state is for ASGI apps)
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._state = server_state
        self._gateway = _gateway(config.loaded_app)
        self._transport = cast("asyncio.Transport", None)
        self._upstream: Lent | None = None
        self._pool: EndpointPool | None = None  # asked for a connection
        self._pending: list[bytes] = []  # for the connection that was asked for
        self._waiter: asyncio.Future[None] | None = None
        self._waiting = 0  # the stream that it is about
        self.since = 0.0
        self.deadline: float | None = None

    # The client.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        limit = self._config.limit_concurrency
        if limit is not None and len(self._state.connections) >= limit:
            self._transport.write(_BUSY)
            self._transport.close()
            return
        self._state.connections.add(cast("Any", self))
        self._direct = self._gateway.direct()
        self._direct.connections.add(self)
        self._native = Connection(
            self._direct.router,
            get_remote_addr(self._transport),
            get_local_addr(self._transport),
            is_ssl(self._transport),
        )
        self.since = self._direct.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        direct = self._direct
        if direct.retired and not self._native.busy:
            direct = self._move()
        if self._native.idle:
            self.since = direct.loop.time()
        out = self._native.receive(data)
        self._perform(*out)

    def _move(self) -> Direct:
        """Take the gateway's new configuration for the exchanges that come."""
        self._direct.connections.discard(self)
        direct = self._direct = self._gateway.direct()
        direct.connections.add(self)
        self._native.set_router(direct.router)
        return direct

    def eof_received(self) -> bool:
        """Answer what is under way, and no more."""
        self._perform(*self._native.receive_eof())
        return self._native.busy

    def connection_lost(self, _exc: Exception | None) -> None:
        """End the exchange under way, if there is one."""
        if cast("Any", self) not in self._state.connections:
            return
        self._state.connections.discard(cast("Any", self))
        self._direct.connections.discard(self)
        self._perform(*self._native.close())
        if self._pool is not None:
            self._pool.withdraw(self)

    def pause_writing(self) -> None:
        """Read less of the upstream: the client reads slowly."""
        if self._upstream is not None:
            self._upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self._upstream is not None:
            self._upstream.transport.resume_reading()

    # What the native connection asks.

    def _perform(self, flags: int, client: bytes | None, upstream: bytes | None, dial: int) -> None:
        if flags & _GIVE_BACK:
            self._give_back(reusable=bool(flags & _RELEASE))
        if dial >= 0:
            self._dial(dial)
        if upstream is not None:
            if self._upstream is None:
                self._pending.append(upstream)
            else:
                self._upstream.transport.write(upstream)
        if client is not None:
            self._transport.write(client)
        if flags & ~_RELEASE:
            self._more(flags)

    def _more(self, flags: int) -> None:
        """Do what most steps do not ask."""
        if flags & _NOTES:
            self._direct.driver.note(self._native.notes())
        if flags & _ENDED:
            self._state.total_requests += 1
            self.deadline = None
            self.since = self._direct.loop.time()
            self._forget()
        if flags & _WAITS:
            self._wait()
        if flags & _RESET:
            self._transport.abort()
        elif flags & _CLOSE:
            self._transport.close()
        elif flags & _HAND_OVER:
            self._hand_over()
        elif flags & _FULL:
            self._transport.pause_reading()
        elif flags & _ENDED and not self._transport.is_reading():
            self._transport.resume_reading()

    def _hand_over(self) -> None:
        unread = self._native.take_unread()
        self._state.connections.discard(cast("Any", self))
        self._direct.connections.discard(self)
        protocol = HttpToolsProtocol(self._config, self._state, {}, self._direct.loop)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        protocol.data_received(unread)

    def _wait(self) -> None:
        """Go on when the policy does."""
        if self._waiter is None:
            self._waiting = self._native.id
            self._waiter = self._direct.driver.waiter(self._waiting)
            self._waiter.add_done_callback(self._woken)

    def _woken(self, waiter: asyncio.Future[None]) -> None:
        if waiter is self._waiter and not waiter.cancelled():
            self._forget()
            self._perform(*self._native.resume())

    def _forget(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._direct.driver.forget(self._waiting)
            waiter.cancel()

    # The upstream.

    def _dial(self, dial: int) -> None:
        timeout = self._native.timeout
        now = self.since = self._direct.loop.time()
        self.deadline = None if timeout is None else now + timeout
        pool = self._direct.pool(dial)
        self._upstream = pool.borrow(self)
        self._pool = pool if self._upstream is None else None

    def _give_back(self, *, reusable: bool) -> None:
        upstream, self._upstream = self._upstream, None
        pool, self._pool = self._pool, None
        self._pending.clear()
        if upstream is not None:
            upstream.give_back(reusable=reusable)
        elif pool is not None:
            pool.withdraw(self)

    def lent(self, connection: Lent) -> None:
        """Take the connection that was asked for, or give it back if it is no longer wanted."""
        if self._pool is not connection.pool:
            connection.give_back(reusable=True)
            return
        self._pool = None
        self._upstream = connection
        self.since = self._direct.loop.time()
        connection.transport.writelines(self._pending)
        self._pending.clear()

    def refused(self, failure: str) -> None:
        """Answer instead of the upstream, which could not be reached."""
        if self._pool is not None:
            self._pool = None
            self._perform(*self._native.fail(failure))

    def upstream_data(self, data: bytes) -> None:
        """Take bytes of the upstream."""
        self.since = self._direct.loop.time()
        self._perform(*self._native.receive_upstream(data))

    def upstream_lost(self) -> None:
        """Answer instead of the upstream, or send the request again where that is safe.

        An upstream closes a connection that was idle for long just when a request is on its way: it
        was not at fault, and neither is the client (RFC 9110 section 9.2.2).
        """
        upstream, self._upstream = self._upstream, None
        if upstream is not None and not upstream.fresh and self._native.may_retry:
            self._pool = upstream.pool
            _, _, head, _ = self._native.retry()
            self._pending = [head or b""]
            upstream.pool.connect(self)
            return
        self._perform(*self._native.receive_upstream_eof())

    def pause(self) -> None:
        """Read less of the client: the upstream reads slowly."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    # Time, and the end.

    def look(self, now: float) -> None:
        """End what took too long; called a few times a second."""
        if self._native.busy:
            read = self._direct.read_timeout
            overdue = self.deadline is not None and now > self.deadline
            if overdue or (self._waiter is None and now - self.since > read):
                self._perform(*self._native.fail("timeout"))
        elif now - self.since > self._config.timeout_keep_alive:
            self._transport.close()

    def shutdown(self) -> None:
        """Close when the exchange under way has ended; uvicorn calls it before it stops."""
        if self._native.busy:
            self._native.drain()
        else:
            self._transport.close()


def _gateway(app: object) -> Gateway:
    """Find the gateway under what the server wraps its app in."""
    while not isinstance(app, Gateway):
        app = getattr(app, "app", None)
        if app is None:
            message = "GatewayProtocol serves a wasmgate.gateway.Gateway and nothing else"
            raise TypeError(message)
    return app
