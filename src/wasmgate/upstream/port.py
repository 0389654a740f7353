"""The port between who has a request to send and what carries it on: sockets, or a transport.

`UpstreamRequest` is what a native exchange offers once the route is chosen, so no object is
copied on the way. A `Transaction` is one request and its response; it is pushed the request body
and asked for the response, which lets both directions run at once without a task for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Fields = list[tuple[bytes, bytes]]
EarlyHints: TypeAlias = "Callable[[list[bytes]], Awaitable[None]]"
"""Takes the values of the `link` fields of 103 (Early Hints, RFC 8297)."""


class UpstreamRequest(Protocol):
    """A request ready to be sent on."""

    @property
    def endpoint(self) -> str:
        """Where to: scheme, host and port, `http://127.0.0.1:9001`."""

    @property
    def method(self) -> str:
        """The method, as on the wire."""

    @property
    def target(self) -> bytes:
        """The origin-form target, byte for byte."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """The fields in order, `host` and the framing among them."""

    @property
    def head(self) -> bytes:
        """Request line and fields as they go on an HTTP/1.1 wire, the empty line included."""

    @property
    def length(self) -> int | None:
        """How many body bytes the head declares; None means chunked coding (RFC 9112 §7.1)."""


class Transaction(Protocol):
    """One request and its response. Its holder calls `close()` in every case."""

    status: int
    headers: Fields

    @property
    def trailers(self) -> Fields:
        """The fields behind the body, once it has ended."""

    @property
    def ended(self) -> bool:
        """Whether `take()` returns the last bytes of the response."""

    @property
    def accepting(self) -> bool:
        """Whether the upstream still wants the rest of the request body."""

    async def write(self, chunk: bytes, *, end: bool) -> None:
        """Send body bytes; waits while the upstream reads slower than they come."""

    async def response(self, early: EarlyHints | None = None) -> None:
        """Wait for the final response's head: `status` and `headers` are set then.

        `early` is told of the hints that come before it.
        """

    def take(self) -> bytes:
        """Return the body bytes that have arrived, without waiting."""

    async def receive(self) -> bytes:
        """Wait for body bytes. Empty bytes mean that the response has ended."""

    def close(self) -> None:
        """Give up what has not ended: its connection is closed. Safe to call at any time."""


class Upstream(Protocol):
    """Carries requests to endpoints. Errors are `UpstreamError` and the classes below it."""

    def begin(
        self, request: UpstreamRequest, chunk: bytes, *, end: bool, within: float | None = None
    ) -> Transaction:
        """Send the head and the first body bytes, as soon as there is a connection.

        What goes wrong is raised by the transaction's `response`.

        `end` says that nothing follows `chunk`; `within`, in seconds, bounds the whole
        transaction from now to the last byte of the response.
        """

    def close(self) -> None:
        """Close what is idle; transactions under way finish."""


async def next_part(transaction: Transaction) -> tuple[bytes, bool]:
    """Wait for body bytes, and tell whether they are the last.

    More may come before anybody asks later.
    """
    return await transaction.receive(), transaction.ended
