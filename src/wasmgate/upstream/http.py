"""Our HTTP/1.1 client: the native connections of the running loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate.errors import ConnectError, NoHealthyEndpoint, UpstreamError, UpstreamTimeout
from wasmgate.upstream.engine import Engine
from wasmgate.upstream.limits import UpstreamLimits

if TYPE_CHECKING:
    from wasmgate import _native
    from wasmgate.upstream.port import EarlyHints, Fields, UpstreamRequest

UNBROKEN = 256 * 1024
"""Bytes after which others have their turn, also when more of the body is there already."""

_ERRORS = {
    "connect": ConnectError,
    "timeout": UpstreamTimeout,
    "no_healthy_endpoint": NoHealthyEndpoint,
    "protocol": UpstreamError,
}


class AddressRefused(Exception):
    """A name resolved to an address that is refused; the message says why and what to write."""


class HttpUpstream:
    """Carries requests to `http://` and `https://` endpoints over HTTP/1.1.

    Belongs to the event loop that runs when it is made. Certificates are checked against the
    system's authorities, or those that `SSL_CERT_FILE` names. `checked`: a host resolves only to
    addresses that its name may have (`wasmgate.callouts.address_policy`).
    """

    def __init__(self, *, limits: UpstreamLimits | None = None, checked: bool = False) -> None:
        self._engine = Engine.current()
        self._group = self._engine.group(limits or UpstreamLimits(), checked=checked)

    def __repr__(self) -> str:
        pools = [
            f"{url}: {open_} open, {idle} idle, {waiting} waiting"
            for url, open_, idle, waiting in self._group.report()
        ]
        return f"<HttpUpstream: {pools}>"

    def begin(
        self, request: UpstreamRequest, chunk: bytes, *, end: bool, within: float | None = None
    ) -> HttpTransaction:
        """Send the head and the first body bytes; see `Upstream.begin`."""
        endpoint = request.endpoint
        head, length = request.head, request.length
        transaction = self._group.begin(
            endpoint, request.method, head, length, chunk, end=end, within=within
        )
        return HttpTransaction(self._engine, transaction, endpoint)

    def close(self) -> None:
        """Close what is idle; transactions under way finish and their connections close then."""
        self._group.close()


class HttpTransaction:
    """A `Transaction` over HTTP/1.1."""

    __slots__ = (
        "_body",
        "_endpoint",
        "_engine",
        "_native",
        "_unbroken",
        "ended",
        "headers",
        "status",
    )

    def __init__(self, engine: Engine, native: _native.Transaction, endpoint: str) -> None:
        self._engine = engine
        self._native = native
        self._endpoint = endpoint
        self._body = b""  # came with the head
        self._unbroken = 0  # bytes that were received since the loop had its turn
        self.status = 0
        self.headers: Fields = []
        self.ended = False
        """Whether `take()` has returned the last bytes of the response, or returns them."""

    @property
    def trailers(self) -> Fields:
        """The fields behind the body, once it has ended."""
        return self._native.trailers

    @property
    def accepting(self) -> bool:
        """Whether the upstream still wants the rest of the request body."""
        return self._native.accepting

    async def write(self, chunk: bytes, *, end: bool) -> None:
        """Send body bytes; waits while the upstream reads slower than they come.

        Bytes that come after the response has ended, or failed, are dropped: `accepting` tells.
        Raises UpstreamError when the body is not as long as its head says.
        """
        native = self._native
        if not native.write(chunk, end):
            raise self._error()
        while native.full:
            await self._engine.changed(native.id)

    async def response(self, early: EarlyHints | None = None) -> None:
        """Wait for the final response's head; `early` is told of the hints before it."""
        native = self._native
        while not self.status:
            match native.state:
                case 0:
                    await self._engine.changed(native.id)
                case 1:
                    hints = native.take_hints()
                    if early is not None:
                        await early(hints)
                case 2 if (head := native.take_head()) is not None:
                    self.status, self.headers, self._body, self.ended = head
                case _:
                    raise self._error()

    def take(self) -> bytes:
        """Return the body bytes that have arrived, without waiting."""
        chunk, self._body = self._body, b""
        if not self.ended:
            chunk += self._native.take_body()
            self.ended = self._native.ended
        return chunk

    async def receive(self) -> bytes:
        """Wait for body bytes. Empty bytes mean that the response has ended."""
        while not (chunk := self.take()) and not self.ended:
            if self._native.fault is not None:
                raise self._error()
            self._unbroken = 0
            await self._engine.changed(self._native.id)
        self._unbroken += len(chunk)
        if self._unbroken > UNBROKEN:
            self._unbroken = 0
            await asyncio.sleep(0)
        return chunk

    def close(self) -> None:
        """Give up what has not ended: the connection is closed and its slot is free again."""
        if not self.ended:
            self._native.close()

    def _error(self) -> Exception:
        """Return the error with which the transaction has failed."""
        kind, reason, unsent = self._native.fault or ("protocol", "it has no response", False)
        if kind == "denied":
            return AddressRefused(reason)
        return _ERRORS[kind](reason, endpoint=self._endpoint, retryable=unsent)
