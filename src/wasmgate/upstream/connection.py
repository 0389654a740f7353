"""One HTTP/1.1 connection to an endpoint: bytes to responses (RFC 9112)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from wasmgate.errors import UpstreamError

if TYPE_CHECKING:
    from wasmgate.upstream.pool import Pool
    from wasmgate.upstream.port import Fields
    from wasmgate.upstream.transaction import HttpTransaction

CONTINUE, SWITCHING_PROTOCOLS, EARLY_HINTS, OK = 100, 101, 103, 200
EXCERPT = 64  # bytes
FRAMING = (b"content-length", b"transfer-encoding")


class Connection(asyncio.Protocol):
    """A socket that serves one transaction after another.

    It is in its pool's idle set, or it has a transaction, or it is closed: `release` and `abort`
    are the only ways out of a transaction, and each connection gives its slot back exactly once.
    """

    __slots__ = (
        "_complete",
        "_connected",
        "_head_read",
        "_headers",
        "_interim",
        "_parser",
        "_pool",
        "_progress",
        "_reusable",
        "_transport",
        "_unread",
        "closed",
        "idle_since",
        "reading_paused",
        "reused",
        "transaction",
        "writing_paused",
    )

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport  # from connection_made on
        self._connected = False
        self._headers: Fields = []
        self._interim = False  # a 1xx response is being read
        self._head_read = False  # of the final response
        self._complete = False  # the final response has been read
        self._reusable = False
        self._unread = 0  # bytes fed since the parser last had something to show
        self._progress = False  # it showed something in this feed
        self.transaction: HttpTransaction | None = None
        self.closed = False
        self.reused = False  # has served a transaction before
        self.reading_paused = False
        self.writing_paused = False
        self.idle_since = 0.0

    @property
    def closing(self) -> bool:
        """Whether no transaction may start on it."""
        return self.closed or self._transport.is_closing()

    # The transaction's side.

    def start(self, transaction: HttpTransaction, data: bytes) -> None:
        """Begin a transaction with its first bytes: head and what is known of the body."""
        self.transaction = transaction
        self._complete = self._head_read = self._reusable = False
        self._unread = 0
        self._transport.write(data)

    def write(self, data: bytes) -> None:
        """Send further bytes of the request."""
        if not self.closing:
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`: the response is not consumed as fast as it comes."""
        if not (self.reading_paused or self.closing):
            self.reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self.reading_paused:
            self.reading_paused = False
            if not self.closing:
                self._transport.resume_reading()

    def fail(self, error: UpstreamError, *, unanswered: bool = False) -> None:
        """Close; the transaction under way ends with `error`."""
        transaction = self.transaction
        self.abort()
        if transaction is not None:
            transaction.fail(error, unanswered=unanswered)

    def abort(self) -> None:
        """Close at once and give the slot back. Safe to call twice."""
        self.transaction = None
        if self.closed:
            return
        self.closed = True
        del self._parser  # it holds our bound methods: a cycle
        if self._connected:
            self._transport.abort()
        self._pool.closed(self)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, unless whoever connected has gone."""
        self._transport = cast("asyncio.Transport", transport)
        self._connected = True
        if self.closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what came; the consumer is woken once for all of it."""
        transaction = self.transaction
        if transaction is None:
            self.abort()  # bytes that nobody asked for: nothing after them can be trusted
            return
        transaction.heard = True
        self._progress = False
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._complete:  # a whole response, and then bytes that belong to none
                self._finish(transaction, reusable=False)
            else:
                self._refuse(
                    f"sent a malformed response: {error.__context__ or error}: {_excerpt(data)}"
                )
            return
        if self._complete:
            self._finish(transaction, reusable=self._reusable)
            return
        if self._progress:
            self._unread = 0
            if transaction.buffered > self._pool.limits.buffer:
                self.pause_reading()
        elif self._unread > self._pool.limits.head:
            self._refuse(f"sent more than {self._pool.limits.head} bytes of head or trailers")
            return
        if self._head_read:
            transaction.wake()

    def eof_received(self) -> None:
        """Let the transport close: `connection_lost` judges what has been read."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End a response that lasts until close; anything else was cut short."""
        transaction = self.transaction
        if transaction is None:
            self.abort()
        elif exc is None and self._head_read and self._lasts_until_close(transaction):
            self._finish(transaction, reusable=False)
        elif self._head_read:
            self._refuse("closed the connection in the middle of a response")
        else:
            self._refuse(
                "closed the connection without a response",
                unanswered=not self._unread,
            )

    def pause_writing(self) -> None:
        """Hold the request body back."""
        self.writing_paused = True

    def resume_writing(self) -> None:
        """Let it flow again."""
        self.writing_paused = False
        if self.transaction is not None:
            self.transaction.heard = True
            self.transaction.wake_writer()

    # httptools

    def on_message_begin(self) -> None:
        """Refuse a second response to one request."""
        if self._complete:
            raise HttpParserError("a response that nothing asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field of the head or of the trailers."""
        self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Hand the head over, or skip it when the response is an interim one."""
        parser, transaction = self._parser, cast("HttpTransaction", self.transaction)
        status = parser.get_status_code()
        headers = self._headers
        self._headers = []
        self._check(status, headers)
        if status < OK:
            self._interim = True
            if status == EARLY_HINTS:
                transaction.hints += [value for name, value in headers if name == b"link"]
                transaction.wake()
            return
        self._progress = True
        transaction.status = status
        transaction.headers = headers
        self._head_read = True
        if transaction.bodiless:
            # The parser waits for a body that a response to HEAD does not have (RFC 9112 §6.3).
            self._complete = True
            self._reusable = _persists(headers, parser.get_http_version())
            self._parser = HttpResponseParser(self)

    def on_body(self, chunk: bytes) -> None:
        """Buffer body bytes for the consumer."""
        transaction = cast("HttpTransaction", self.transaction)
        if transaction.bodiless:
            raise HttpParserError("a body where none can be")
        self._progress = True
        transaction.buffer(chunk)

    def on_message_complete(self) -> None:
        """Note the end; `data_received` acts on it when the whole feed has been read."""
        if self._interim:
            self._interim = False
            return
        transaction = cast("HttpTransaction", self.transaction)
        if transaction.bodiless:
            return
        self._complete = True
        self._reusable = self._parser.should_keep_alive()
        if self._headers:
            self._limit(self._headers)
            transaction.trailers, self._headers = self._headers, []

    def _check(self, status: int, headers: Fields) -> None:
        self._limit(headers)
        if status < CONTINUE or status == SWITCHING_PROTOCOLS:
            raise HttpParserError(f"status {status}")
        for name, value in headers:
            # Another coding would have to be taken off before the field is (RFC 9112 §6.1).
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                raise HttpParserError("a transfer coding other than chunked")

    def _limit(self, headers: Fields) -> None:
        limits = self._pool.limits
        if len(headers) > limits.fields:
            raise HttpParserError(f"more than {limits.fields} fields")
        if self._unread > limits.head:
            size = sum(len(name) + len(value) + 4 for name, value in headers)
            if size > limits.head:
                raise HttpParserError(f"fields of {size} bytes, the limit is {limits.head}")

    def _lasts_until_close(self, transaction: HttpTransaction) -> bool:
        return not any(name in FRAMING for name, _ in transaction.headers)

    def _finish(self, transaction: HttpTransaction, *, reusable: bool) -> None:
        if reusable and transaction.sent and not self.closed:
            self.transaction = None
            self.reused = True
            self.resume_reading()
            self._pool.release(self)
        else:
            self.abort()
        transaction.finish()

    def _refuse(self, what: str, *, unanswered: bool = False) -> None:
        endpoint = self._pool.endpoint
        self.fail(UpstreamError(f"{endpoint} {what}", endpoint=endpoint), unanswered=unanswered)


def _excerpt(data: bytes) -> str:
    """Quote and escape the beginning of bytes, for the log."""
    return repr(data[:EXCERPT])[1:] + ("..." if len(data) > EXCERPT else "")


def _persists(headers: Fields, version: str) -> bool:
    """Whether the connection outlives this response (RFC 9112 §9.3), by its fields alone."""
    options = {
        option.strip().lower()
        for name, value in headers
        if name == b"connection"
        for option in value.split(b",")
    }
    return version == "1.1" and b"close" not in options
