"""Any `httpx.AsyncBaseTransport` as an upstream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import ConnectError, UpstreamError, UpstreamTimeout
from wasmgate.upstream import Transaction, UpstreamLimits
from wasmgate.upstream.httpx_transport import TransportUpstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from wasmgate._asgi import Receive, Scope, Send

TARGET = b"/a%2Fb/%2e%2e//c?b=%20+x&c"


async def begin(transport: httpx.AsyncBaseTransport) -> Transaction:
    """Begin a request without a body."""
    request = Request(endpoint="http://app")
    return TransportUpstream(transport).begin(request, b"", end=True)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """Answer from a function."""
    return httpx.MockTransport(answer)


class Streaming(httpx.AsyncBaseTransport):
    """Sends back, in upper case, each chunk of the request as it comes."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer before the request has been read."""
        stream = request.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        chunks = aiter(stream)
        closed = self.closed

        class Upper(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                async for chunk in chunks:
                    yield chunk.upper()

            async def aclose(self) -> None:
                closed.set()

        return httpx.Response(200, stream=Upper())


async def test_app_in_this_process() -> None:
    """An ASGI app behind `ASGITransport` sees path and query as they came."""
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        body = (await receive())["body"]
        headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": body[::-1]})

    request = Request(endpoint="http://app", method="POST", target=TARGET, length=3)
    upstream = TransportUpstream(httpx.ASGITransport(app))
    transaction = upstream.begin(request, b"abc", end=True)
    body = await read_body(transaction)
    assert (seen["raw_path"], seen["query_string"]) == (TARGET[: TARGET.index(b"?")], b"b=%20+x&c")
    assert seen["path"] == "/a/b/..//c"
    assert (transaction.status, body) == (201, b"cba")
    assert transaction.headers == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]


async def test_target_is_byte_exact_on_the_wire() -> None:
    """The transport of httpx itself writes the target as it came, and each repeated field."""
    async with ScriptedUpstream() as upstream, httpx.AsyncHTTPTransport() as transport:
        request = Request(
            endpoint=upstream.url, target=TARGET, fields=((b"x-dup", b"1"), (b"x-dup", b"2"))
        )
        transaction = TransportUpstream(transport).begin(request, b"", end=True)
        assert await read_body(transaction) == b"GET %b HTTP/1.1" % TARGET
        assert upstream.requests[0].values(b"x-dup") == [b"1", b"2"]
        assert upstream.requests[0].values(b"host") == [b"upstream.test"]


async def test_streaming_both_ways() -> None:
    """Chunks pass in both directions while both are open."""
    transport = Streaming()
    request = Request(endpoint="http://app", method="POST", length=None)
    transaction = TransportUpstream(transport).begin(request, b"", end=False)
    await transaction.response()
    answers = []
    for word in (b"ping", b"pong"):
        await transaction.write(word, end=False)
        answers.append(await transaction.receive())
    assert transaction.accepting
    await transaction.write(b"", end=True)
    assert (answers, await transaction.receive()) == ([b"PING", b"PONG"], b"")
    assert transaction.ended


async def test_slow_client_holds_the_response_back() -> None:
    """What is not taken is bounded: the transport's stream is not read ahead of it."""
    produced = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal produced
            for _ in range(64):
                produced += 1
                yield bytes(1024)

    transport = answering(lambda _: httpx.Response(200, stream=Endless()))
    limits = UpstreamLimits(buffer=8192)
    request = Request(endpoint="http://app")
    transaction = TransportUpstream(transport, limits=limits).begin(request, b"", end=True)
    await transaction.response()
    for _ in range(100):
        await asyncio.sleep(0)
    assert produced == 9
    assert len(await read_body(transaction)) == 64 * 1024


async def test_answer_without_reading_the_body() -> None:
    """After an early response of a transport no task waits to write."""

    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            del request
            return httpx.Response(413)

    request = Request(endpoint="http://app", method="POST", length=None)
    transaction = TransportUpstream(Refusing()).begin(request, b"", end=False)
    await transaction.write(b"never read", end=False)
    await transaction.response()
    assert (transaction.status, await transaction.receive()) == (413, b"")
    assert not transaction.accepting


async def test_total_timeout() -> None:
    """The total time bounds a transport too."""

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            del request
            await asyncio.Event().wait()
            raise AssertionError

    request = Request(endpoint="http://app")
    transaction = TransportUpstream(Silent()).begin(request, b"", end=True, within=0.05)
    with pytest.raises(UpstreamTimeout):
        await transaction.response()


def _raise(error: Exception) -> httpx.Response:
    raise error


FAILURES = {
    "connect": (httpx.ConnectError("refused"), ConnectError),
    "timeout": (httpx.ReadTimeout("slow"), UpstreamTimeout),
    "protocol": (httpx.RemoteProtocolError("nonsense"), UpstreamError),
    "app": (ValueError("a bug"), UpstreamError),
}


@pytest.mark.parametrize(("error", "expected"), FAILURES.values(), ids=FAILURES)
async def test_failures(error: Exception, expected: type[UpstreamError]) -> None:
    """What a transport raises becomes an UpstreamError of the fitting kind."""
    transaction = await begin(answering(lambda _: _raise(error)))
    with pytest.raises(UpstreamError) as caught:
        await transaction.response()
    assert (type(caught.value), caught.value.endpoint) == (expected, "http://app")


async def test_failure_in_the_body() -> None:
    """A stream that fails half-way gives what it had, then an error, never a clean end."""

    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"half"
            raise httpx.ReadError("reset")

    transaction = await begin(answering(lambda _: httpx.Response(200, stream=Broken())))
    await transaction.response()
    assert await transaction.receive() == b"half"
    assert not transaction.ended
    with pytest.raises(UpstreamError):
        await transaction.receive()


async def test_close_cancels_the_transport() -> None:
    """A transaction that is given up ends the transport's work and closes its response."""
    transport = Streaming()
    request = Request(endpoint="http://app", method="POST", length=None)
    transaction = TransportUpstream(transport).begin(request, b"", end=False)
    await transaction.response()
    transaction.close()
    async with asyncio.timeout(5):
        await transport.closed.wait()


async def test_close_reaches_the_wire() -> None:
    """Through httpx's transport, giving up closes the upstream's connection."""
    async with ScriptedUpstream(silent) as upstream, httpx.AsyncHTTPTransport() as transport:
        request = Request(endpoint=upstream.url)
        transaction = TransportUpstream(transport).begin(request, b"", end=True)
        await upstream.until(lambda: bool(upstream.requests))
        transaction.close()
        await upstream.until(lambda: upstream.open == 0)


async def test_synchronous_stream() -> None:
    """A transport that answers with a stream for synchronous use has failed."""

    class Blocking(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"never read"

    class Wrong(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            del request
            response = httpx.Response(200)
            response.stream = Blocking()
            return response

    transaction = await begin(Wrong())
    with pytest.raises(UpstreamError):
        await transaction.response()
