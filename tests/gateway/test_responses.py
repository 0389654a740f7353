"""What the upstream client makes of the bytes that an upstream sends (RFC 9112)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, sends
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import UpstreamError

if TYPE_CHECKING:
    from wasmgate.upstream import HttpUpstream

OK = b"HTTP/1.1 200 OK\r\n"


async def fetch(
    client: HttpUpstream, upstream: ScriptedUpstream, method: str = "GET"
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Do one request."""
    request = Request(endpoint=upstream.url, method=method)
    transaction = client.begin(request, b"", end=True, within=5)
    try:
        await transaction.response()
        return transaction.status, transaction.headers, await read_body(transaction)
    finally:
        transaction.close()


BODIES = {
    "length": (OK + b"content-length: 5\r\n\r\nhello", b"hello", 1),
    "empty": (OK + b"content-length: 0\r\n\r\n", b"", 1),
    "chunked": (
        OK + b"transfer-encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"hello",
        1,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", 1),
    "304 with a length": (b"HTTP/1.1 304 X\r\ncontent-length: 5\r\n\r\n", b"", 1),
    "interim first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nlink: a\r\n\r\n"
        + OK
        + b"content-length: 5\r\n\r\nhello",
        b"hello",
        1,
    ),
    "asks to close": (OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", b"hello", 2),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", 2),
}


@pytest.mark.parametrize(("wire", "body", "connections"), BODIES.values(), ids=BODIES)
async def test_framing(client: HttpUpstream, wire: bytes, body: bytes, connections: int) -> None:
    """Each framing gives its body; the connection serves again when the framing allows."""
    async with ScriptedUpstream(sends(wire)) as upstream:
        bodies = [(await fetch(client, upstream))[2] for _ in range(2)]
        assert (bodies, len(upstream.peers)) == ([body, body], connections)


@pytest.mark.parametrize(("wire", "body", "connections"), BODIES.values(), ids=BODIES)
async def test_byte_by_byte(
    client: HttpUpstream, wire: bytes, body: bytes, connections: int
) -> None:
    """A response that comes a byte at a time is the same response."""
    del connections
    parts = [wire[i : i + 1] for i in range(len(wire))]
    async with ScriptedUpstream(sends(*parts)) as upstream:
        assert (await fetch(client, upstream))[2] == body


async def test_body_until_close(client: HttpUpstream) -> None:
    """Without a length the body lasts until the upstream closes."""
    async with ScriptedUpstream(sends(OK + b"\r\nhel", b"lo", close=True)) as upstream:
        assert (await fetch(client, upstream))[2] == b"hello"


@pytest.mark.parametrize(
    "fields",
    [b"content-length: 5\r\n", b"content-length: 0\r\n", b"transfer-encoding: chunked\r\n", b""],
)
async def test_head_has_no_body(client: HttpUpstream, fields: bytes) -> None:
    """A response to HEAD ends with its head, with any framing; the connection stays open."""
    async with ScriptedUpstream(sends(OK + fields + b"\r\n")) as upstream:
        answers = [await fetch(client, upstream, "HEAD") for _ in range(2)]
        assert [body for _, _, body in answers] == [b"", b""]
        assert len(upstream.peers) == 1


async def test_head_then_close(client: HttpUpstream) -> None:
    """`Connection: close` on a response to HEAD is heeded."""
    wire = OK + b"connection: Keep-Alive, Close\r\ncontent-length: 5\r\n\r\n"
    async with ScriptedUpstream(sends(wire)) as upstream:
        for _ in range(2):
            await fetch(client, upstream, "HEAD")
        assert len(upstream.peers) == 2


async def test_fields_are_kept(client: HttpUpstream) -> None:
    """Repeated fields stay apart and in order; names are lower case; blanks round values go."""
    wire = OK + b"Set-Cookie:a=1\r\nX-Raw: \xff \t\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n"
    async with ScriptedUpstream(sends(wire)) as upstream:
        _, headers, _ = await fetch(client, upstream)
        assert headers == [
            (b"set-cookie", b"a=1"),
            (b"x-raw", b"\xff"),
            (b"set-cookie", b"b=2"),
            (b"content-length", b"0"),
        ]


async def test_trailers(client: HttpUpstream) -> None:
    """Fields after the last chunk are trailers, not headers."""
    wire = OK + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"
    async with ScriptedUpstream(sends(wire)) as upstream:
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True)
        await transaction.response()
        await read_body(transaction)
        assert transaction.trailers == [(b"x-sum", b"7")]


CUT = {
    "no bytes": b"",
    "in the head": OK + b"content-le",
    "in a length": OK + b"content-length: 50\r\n\r\nhello",
    "in a chunk": OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhe",
    "before the last chunk": OK + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
}


@pytest.mark.parametrize("wire", CUT.values(), ids=CUT)
async def test_cut_short(client: HttpUpstream, wire: bytes) -> None:
    """A response that ends before its framing says so is an error, never a short body."""
    async with ScriptedUpstream(sends(wire, close=True)) as upstream:
        with pytest.raises(UpstreamError, match="closed the connection"):
            await fetch(client, upstream)


async def test_reset_ends_no_body(client: HttpUpstream) -> None:
    """A reset does not count as the close that ends a body without a length."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK + b"\r\nhello")
        await peer.reader.readexactly(1)
        peer.reset()

    async with ScriptedUpstream(script) as upstream:
        request = Request(endpoint=upstream.url, method="POST", length=1)
        transaction = client.begin(request, b"", end=False)
        await transaction.response()
        assert await transaction.receive() == b"hello"
        await transaction.write(b"!", end=True)
        with pytest.raises(UpstreamError, match="was reset"):
            await transaction.receive()


MALFORMED = {
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "both framings": OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "signed length": OK + b"content-length: +5\r\n\r\nhello",
    "bad chunk size": OK + b"transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
    "another coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding until close": OK + b"transfer-encoding: gzip\r\n\r\nabc",
    "blank before colon": OK + b"x : y\r\n\r\n",
    "folded field": OK + b"x: y\r\n z\r\n\r\n",
    "NUL": OK + b"x: \x00\r\n\r\n",
    "bare CR": OK + b"x: a\rb\r\n\r\n",
    "status 000": b"HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n",
    "switching unasked": b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("wire", MALFORMED.values(), ids=MALFORMED)
async def test_malformed(client: HttpUpstream, wire: bytes) -> None:
    """What is no response by RFC 9112 is refused, and its connection closed."""
    async with ScriptedUpstream(sends(wire)) as upstream:
        with pytest.raises(UpstreamError, match=r"gave no valid response|was cut"):
            await fetch(client, upstream)
        await upstream.until(lambda: upstream.open == 0)


SURPLUS = {
    "a second response": OK + b"content-length: 2\r\n\r\nok" * 2,
    "junk": OK + b"content-length: 2\r\n\r\nokjunk",
    "a body after HEAD": OK + b"content-length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("case", SURPLUS)
async def test_surplus_bytes(client: HttpUpstream, case: str) -> None:
    """Bytes after a whole response never become the answer to the next request."""
    method = "HEAD" if "HEAD" in case else "GET"
    async with ScriptedUpstream(sends(SURPLUS[case])) as upstream:
        assert (await fetch(client, upstream, method))[0] == 200
        await upstream.until(lambda: upstream.open == 0)


async def test_bytes_while_idle(client: HttpUpstream) -> None:
    """Bytes that come while nothing was asked close the connection."""
    async with ScriptedUpstream(sends(OK + b"content-length: 0\r\n\r\n")) as upstream:
        await fetch(client, upstream)
        await upstream.peers[0].send(OK + b"content-length: 0\r\n\r\n")
        await upstream.until(lambda: upstream.open == 0)


FLOODS = {
    "many fields": OK + b"x: y\r\n" * 257 + b"\r\n",
    "one long field": OK + b"x: " + b"y" * 140_000,
    "a long field that ends": OK + b"x: " + b"y" * 140_000 + b"\r\n\r\n",
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\n" * 6000,
    "trailers": OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 100_000,
    "chunk extension": OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 600_000,
}


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("wire", FLOODS.values(), ids=FLOODS)
async def test_floods(client: HttpUpstream, wire: bytes, parts: int) -> None:
    """A head, trailers or framing without end are refused at their limit."""
    size = len(wire) // parts + 1
    pieces = [wire[i : i + size] for i in range(0, len(wire), size)]
    async with ScriptedUpstream(sends(*pieces)) as upstream:
        with pytest.raises(UpstreamError, match=r"malformed|too long|too many fields"):
            await fetch(client, upstream)
