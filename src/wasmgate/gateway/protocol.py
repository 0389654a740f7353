"""The path without ASGI: a server's protocol class that forwards bytes.

It plugs into uvicorn (`http=GatewayProtocol`), whose are sockets, TLS, workers and signals. The
native `Connection` decides and this carries the bytes: a forwarded request costs two crossings and
two writes. Where a transport in this process serves a cluster, connections are the ASGI app's,
under uvicorn's own protocol and with its bounds.
"""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from wasmgate._native import Connection
from wasmgate._tls import of_connection as tls_of_connection
from wasmgate.gateway.app import Gateway
from wasmgate.gateway.asgi.downstream import CLIENT_TIMEOUT
from wasmgate.gateway.direct.lingering_close import LingeringClose
from wasmgate.gateway.direct.relay import DIALLING, SLOW, ConnectionRelay
from wasmgate.gateway.direct.socket_state import has_left, reset

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from wasmgate.gateway.direct.loop_state import DirectState

__all__ = ["GatewayProtocol"]

_LOGGER = logging.getLogger("wasmgate.gateway")

HEAD_TIMEOUT = 10.0  # seconds for a request's head, from its first byte on

_LINGER = Connection.LINGER
_RESET = Connection.RESET

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n"
    b"date: %b\r\nconnection: close\r\n\r\n"
)


class GatewayProtocol(ConnectionRelay):
    """One client's connection. The arguments are what uvicorn's server gives its protocols."""

    __slots__ = (
        "_access_log",
        "_app_state",
        "_buffered",
        "_client",
        "_config",
        "_gateway",
        "_in_head",
        "_taken_at",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(server_state)
        if not config.loaded:
            config.load()
        self._config = config
        self._app_state = app_state
        self._gateway = _gateway(config.loaded_app)
        self._access_log: logging.Logger | None = None
        self._client: tuple[str, int] | None = None
        self._buffered = 0  # bytes that the client had not read at the last check
        self._taken_at = 0.0  # when that number was last another one
        self._in_head = True  # something of a request's head has come; or nothing ever

    # The client.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        limit = self._config.limit_concurrency
        if limit is not None and len(self._server_state.connections) >= limit:
            self._transport.write(_BUSY % formatdate(usegmt=True).encode())
            LingeringClose(self._transport, self._server_state)
            return
        direct = self._gateway.direct()
        if direct is None:
            self._to_asgi()
            return
        self._direct = direct
        self._connections.add(self)
        direct.connections.add(self)
        self._client = get_remote_addr(self._transport)
        self._native = Connection(
            direct.router,
            self._client,
            get_local_addr(self._transport),
            is_ssl(self._transport),
            tls_of_connection(self._transport.get_extra_info("ssl_object")),
        )
        logger = logging.getLogger("uvicorn.access")
        if logger.hasHandlers():
            self._access_log = logger
            self._native.log_accesses()
        self._since = direct.now

    @property
    def _connections(self) -> set[Any]:
        return cast("set[Any]", self._server_state.connections)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        direct = self._direct
        if direct.retired and not self._native.busy:
            direct = self._move()
        flags, client, upstream, dial = self._native.receive(data)
        if dial >= 0:
            self._in_head = False
            self._perform(flags, client, upstream, dial)
        elif flags or client is not None or upstream is not None:
            self._in_head = False
            self._since = direct.now
            self._perform(flags, client, upstream, dial)
        elif self._native.busy:
            self._since = direct.now
        elif not self._in_head:
            # Only the first byte of a head counts: who sends one now and then gains nothing.
            self._in_head = True
            self._since = direct.now

    def _move(self) -> DirectState:
        """Take the gateway's new configuration for the exchanges that come."""
        direct = cast("DirectState", self._gateway.direct())
        self._direct.connections.discard(self)
        direct.connections.add(self)
        self._direct = direct
        self._native.set_router(direct.router)
        return direct

    def eof_received(self) -> None:
        """End with the client, as uvicorn does: who closes looks the same as who only stops."""
        self._perform(*self._native.close())

    def connection_lost(self, _exc: Exception | None) -> None:
        """End the exchange under way, if there is one."""
        self._connections.discard(self)
        self._direct.connections.discard(self)
        self._perform(*self._native.close())

    def _note(self) -> None:
        self._direct.driver.apply(self._native.notes())
        if self._access_log is not None:
            client = "" if self._client is None else "{}:{}".format(*self._client)
            for method, target, version, status in self._native.accesses():
                line = '%s - "%s %s HTTP/%s" %d'
                self._access_log.info(line, client, method, target, version, status)

    def _end(self, flags: int) -> None:
        if flags & _RESET:
            reset(self._transport)
        elif flags & _LINGER and not self._transport.is_closing():
            self._leave()
            LingeringClose(self._transport, self._server_state)
        else:
            self._transport.close()

    def _leave(self) -> None:
        """Give the transport to another protocol."""
        self._connections.discard(self)
        self._direct.connections.discard(self)

    def _to_asgi(self) -> None:
        loop = asyncio.get_running_loop()
        protocol = HttpToolsProtocol(self._config, self._server_state, self._app_state, loop)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)

    # Time, and the end.

    def pause_writing(self) -> None:
        """Wait for the client, but not for ever."""
        self._buffered, self._taken_at = -1, self._direct.now
        super().pause_writing()

    def check_timeouts(self, now: float) -> None:
        """End what took too long; called a few times a second."""
        waits = self._choked or self._transport.is_closing()
        if waits:
            self._check_stalled(now)
        if not self._native.busy:
            if not waits:
                self._check_idle(now - self._since)
        elif self._deadline is not None and now > self._deadline:
            self._out_of_time()
        elif self._stops and has_left(self._transport):
            self._transport.abort()
        elif not self._choked:
            self._check_busy(now - self._since)

    def _check_idle(self, quiet: float) -> None:
        if quiet > (HEAD_TIMEOUT if self._in_head else self._config.timeout_keep_alive):
            if self._native.idle:
                self._transport.close()
            else:
                self._perform(*self._native.late())

    def _check_stalled(self, now: float) -> None:
        buffered = self._transport.get_write_buffer_size()
        if buffered != self._buffered:
            self._buffered, self._taken_at = buffered, now
        elif now - self._taken_at > CLIENT_TIMEOUT:
            self._transport.abort()

    def _check_busy(self, quiet: float) -> None:
        waited = self._native.waits_for
        if waited == "upstream" or self._stops & (SLOW | DIALLING):
            if quiet > self._pool.limits.read:
                self._too_late()
        elif waited == "client" and quiet > CLIENT_TIMEOUT:
            self._perform(*self._native.late())

    def _out_of_time(self) -> None:
        self._deadline = None
        waited = self._native.waits_for
        if waited == "upstream":
            _LOGGER.warning("%s did not answer %s in time", self._pool.url, self._native.request)
        else:
            said = "the time of %s was over while its %s was waited for"
            _LOGGER.warning(said, self._native.request, waited)
        self._perform(*self._native.fail("route_timeout"))

    def _too_late(self) -> None:
        _LOGGER.warning("%s did not answer %s in time", self._pool.url, self._native.request)
        self._perform(*self._native.fail("timeout"))

    def shutdown(self) -> None:
        """Close when the exchange under way has ended; uvicorn calls it before it stops."""
        if not self._native.busy:
            self._transport.close()
            return
        self._native.drain()
        patience = self._config.timeout_graceful_shutdown
        if patience is not None:
            # The server cancels tasks then; this connection has none. Policies see the end.
            self._direct.loop.call_later(patience, self._transport.abort)


def _gateway(app: object) -> Gateway:
    """Find the gateway under what the server wraps its app in; a wrapper of others is refused."""
    while not isinstance(app, Gateway):
        if not type(app).__module__.startswith("uvicorn."):
            message = "GatewayProtocol serves a wasmgate.gateway.Gateway and nothing else"
            raise TypeError(message)
        app = getattr(app, "app", None)
    return app
