"""An `httpx.AsyncBaseTransport` as an upstream: an app in this process, a mock, one of your own.

Importing this module imports httpx, so the gateway does it only when it is given transports.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from wasmgate.errors import ConnectError, UpstreamError, UpstreamTimeout
from wasmgate.upstream import UpstreamLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wasmgate.upstream import Fields, UpstreamRequest
    from wasmgate.upstream.port import EarlyHints

__all__ = ["TransportUpstream"]


class TransportUpstream:
    """Carries requests to `transport`, whatever their endpoint.

    Of `limits`, `connect` and `read` reach the transport as httpx's timeouts and `buffer` holds the
    response back; the rest is the transport's own business.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport, *, limits: UpstreamLimits | None = None
    ) -> None:
        self._transport = transport
        self._limits = limits or UpstreamLimits()

    def __repr__(self) -> str:
        return f"<TransportUpstream: {self._transport!r}>"

    def begin(
        self, request: UpstreamRequest, chunk: bytes, *, end: bool, within: float | None = None
    ) -> TransportTransaction:
        """Hand the request to the transport; see `Upstream.begin`."""
        return TransportTransaction(
            self._transport, request, chunk, end=end, within=within, limits=self._limits
        )

    def close(self) -> None:
        """Do nothing: the caller that made the httpx transport closes it."""


class TransportTransaction:
    """A `Transaction` through a transport.

    One task makes the request and reads the response, as transports that hold cancel scopes need.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        request: UpstreamRequest,
        chunk: bytes,
        *,
        end: bool,
        within: float | None,
        limits: UpstreamLimits,
    ) -> None:
        self.status = 0
        self.headers: Fields = []
        self.trailers: Fields = []
        self._endpoint = request.endpoint
        self._limits = limits
        self._chunks: list[bytes] = []
        self._error: UpstreamError | None = None
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._request_body = RequestBody(chunk, end=end)
        self._task = asyncio.ensure_future(
            self._exchange(transport, _to_httpx(request, self._request_body, limits), within)
        )
        self._task.add_done_callback(lambda _: self._changed.set())

    @property
    def ended(self) -> bool:
        """Whether `take()` returns the last bytes of the response."""
        return self._task.done() and self._error is None

    @property
    def accepting(self) -> bool:
        """Whether the transport still wants the rest of the request body."""
        return self._request_body.open and not self._task.done()

    async def write(self, chunk: bytes, *, end: bool) -> None:
        """Offer body bytes; waits until the transport has taken them, or has answered without."""
        await self._request_body.put(chunk, end=end)

    async def response(self, early: EarlyHints | None = None) -> None:
        """Wait for the response's head; transports have no hints before it."""
        del early
        while not self.status:
            await self._wait()

    def take(self) -> bytes:
        """Return the body bytes that have arrived, without waiting."""
        body = b"".join(self._chunks)
        self._chunks.clear()
        self._taken.set()
        return body

    async def receive(self) -> bytes:
        """Wait for body bytes. Empty bytes mean that the response has ended."""
        while not self._chunks and not self.ended:
            await self._wait()
        return self.take()

    def close(self) -> None:
        """Give up what has not ended: the transport's work is cancelled."""
        self._task.cancel()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._changed.clear()
        await self._changed.wait()

    async def _exchange(
        self, transport: httpx.AsyncBaseTransport, request: httpx.Request, within: float | None
    ) -> None:
        try:
            async with asyncio.timeout(within):
                await self._pass_on(await transport.handle_async_request(request))
        except (TimeoutError, httpx.TimeoutException) as error:
            self._fail(UpstreamTimeout, f"did not answer in time: {error!r}", error)
        except httpx.ConnectError as error:
            self._fail(ConnectError, f"cannot be reached: {error}", error)
        except Exception as error:  # noqa: BLE001 - whatever a transport raises, it did not answer
            self._fail(UpstreamError, f"failed: {error!r}", error)
        except asyncio.CancelledError as error:
            self._fail(UpstreamError, "was cancelled", error)
            raise
        finally:
            self._request_body.abandon()

    async def _pass_on(self, response: httpx.Response) -> None:
        try:
            if not isinstance(response.stream, httpx.AsyncByteStream):
                raise TypeError("a transport for asynchronous use gave a synchronous stream")
            self.headers = [(name.lower(), value) for name, value in response.headers.raw]
            self.status = response.status_code
            self._changed.set()
            async for chunk in response.stream:
                if chunk:
                    self._chunks.append(chunk)
                    self._changed.set()
                while sum(map(len, self._chunks)) > self._limits.buffer:
                    self._taken.clear()
                    await self._taken.wait()
        finally:
            await response.aclose()

    def _fail(self, kind: type[UpstreamError], what: str, cause: BaseException) -> None:
        retryable = kind is ConnectError
        self._error = kind(f"{self._endpoint} {what}", endpoint=self._endpoint, retryable=retryable)
        self._error.__cause__ = cause


class RequestBody(httpx.AsyncByteStream):
    """A request body that one task puts in and the transport's task reads, chunk by chunk."""

    def __init__(self, chunk: bytes, *, end: bool) -> None:
        self.open = not end
        self._chunk = chunk
        self._abandoned = False
        self._offered = asyncio.Event()
        self._read = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Read until the end."""
        while True:
            while self.open and not self._chunk:
                self._offered.clear()
                await self._offered.wait()
            chunk, self._chunk = self._chunk, b""
            self._read.set()
            if not chunk:
                return
            yield chunk

    async def put(self, chunk: bytes, *, end: bool) -> None:
        """Offer a chunk; returns when it has been read, or never will be."""
        self._chunk += chunk
        self.open = not end
        self._offered.set()
        while self._chunk and not self._abandoned:
            self._read.clear()
            await self._read.wait()

    def abandon(self) -> None:
        """Say that the body is not read any further."""
        self._abandoned = True
        self._read.set()


class Target(httpx.URL):
    """An endpoint's URL with a target that stays as it is, byte for byte."""

    def __init__(self, endpoint: str, target: bytes) -> None:
        super().__init__(endpoint)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        """The target: path and query."""
        return self._target

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self._target.partition(b"?")[0].decode("latin-1"))

    @property
    def query(self) -> bytes:
        """What follows the question mark."""
        return self._target.partition(b"?")[2]


def _to_httpx(request: UpstreamRequest, body: RequestBody, limits: UpstreamLimits) -> httpx.Request:
    seconds = httpx.Timeout(limits.read, connect=limits.connect, pool=limits.connect)
    converted = httpx.Request(
        request.method,
        request.endpoint,
        headers=list(request.headers),
        stream=body,
        extensions={"timeout": seconds.as_dict()},
    )
    converted.url = Target(request.endpoint, request.target)
    return converted
