"""What is read as a request, byte for byte (RFC 9112)."""

from __future__ import annotations

import pytest

from tests.gateway.direct.gate import GET, POST, converse, gate

REFUSED = {
    "both framings": (POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", 400),
    "both framings, other order": (
        POST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (POST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc", 400),
    "list of lengths": (POST + b"content-length: 3, 3\r\n\r\nabc", 400),
    "signed length": (POST + b"content-length: +3\r\n\r\nabc", 400),
    "hexadecimal length": (POST + b"content-length: 0x3\r\n\r\nabc", 400),
    "length beyond 64 bits": (POST + b"content-length: 18446744073709551616\r\n\r\n", 400),
    "another coding": (POST + b"transfer-encoding: gzip, chunked\r\n\r\n", 400),
    "chunked twice": (POST + b"transfer-encoding: chunked, chunked\r\n\r\n", 400),
    "coding behind a control": (POST + b"transfer-encoding:\x0bchunked\r\n\r\n", 400),
    "coding before a tab": (POST + b"transfer-encoding: chunked\t\r\n\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "obsolete folding": (POST + b"x: a\r\n b\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nhost: x\n\n", 400),
    "bare LF in a line": (POST + b"x: a\ny: b\r\n\r\n", 400),
    "bare CR": (POST + b"x: a\rb\r\n\r\n", 400),
    "NUL": (POST + b"x: a\x00b\r\n\r\n", 400),
    "space before the colon": (POST + b"content-length : 3\r\n\r\nabc", 400),
    "field without a name": (POST + b": x\r\n\r\n", 400),
    "no colon": (POST + b"nonsense\r\n\r\n", 400),
    "authority-form": (b"CONNECT gate.test:80 HTTP/1.1\r\nhost: gate.test\r\n\r\n", 400),
    "asterisk for GET": (b"GET * HTTP/1.1\r\nhost: gate.test\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    "another major version": (b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", 505),
    "a version that HTTP has not": (b"GET / HTTP/9.9\r\nhost: a\r\n\r\n", 505),
    "an older version with a head": (b"GET / HTTP/0.9\r\nhost: a\r\n\r\n", 505),
    "a version of two digits": (b"GET / HTTP/1.10\r\nhost: a\r\n\r\n", 400),
    "a version without a minor number": (b"GET / HTTP/9\r\nhost: a\r\n\r\n", 400),
    "many fields": (POST + b"x: y\r\n" * 200 + b"\r\n", 431),
    "more fields than the table has": (POST + b"x: y\r\n" * 2000 + b"\r\n", 431),
    "a long field": (POST + b"x: " + b"y" * 70_000 + b"\r\n\r\n", 431),
    "a field without end": (POST + b"x: " + b"y" * 200_000, 431),
    "a long target": (b"GET /" + b"y" * 17_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414),
    "a target without end": (b"GET /" + b"y" * 200_000, 414),
}


@pytest.mark.parametrize(("wire", "status"), REFUSED.values(), ids=REFUSED)
async def test_refused(wire: bytes, status: int) -> None:
    """What can be read in two ways is answered, once, and nothing behind it is read."""
    async with gate() as (port, upstream):
        replies = await converse(port, wire + GET)
        assert [reply.status for reply in replies] == [status]
        assert replies[0].values(b"connection") == [b"close"]
        assert upstream.requests == []


BAD_CHUNKS = [
    b"x\r\n",
    b"+3\r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\n0\r\n\r\n",
    b"3 \t z\r\nabc\r\n0\r\n\r\n",
    b"11111111111111111\r\n",
    b"3;" + b"x" * 2000 + b"\r\nabc\r\n0\r\n\r\n",
    b"0\r\nx: " + b"y" * 20_000 + b"\r\n\r\n",
    b"0\r\nx: y\n\r\n",
]


@pytest.mark.parametrize("chunks", BAD_CHUNKS, ids=range(len(BAD_CHUNKS)))
async def test_bad_chunks(chunks: bytes) -> None:
    """A chunked body that is malformed ends the connection, and no upstream takes it for whole."""
    async with gate() as (port, upstream):
        replies = await converse(port, POST + b"transfer-encoding: chunked\r\n\r\n" + chunks + GET)
        assert [reply.status for reply in replies] == [400]
        await upstream.until(lambda: upstream.open == 0)
        assert [request.body for request in upstream.requests if request.body] == []


@pytest.mark.parametrize("host", [b"host: other.test\r\n", b"host: gate.test\r\n"])
async def test_absolute_form(host: bytes) -> None:
    """The authority of the target takes the place of Host (RFC 9112 section 3.2.2)."""
    async with gate() as (port, upstream):
        head = b"GET http://gate.test/a?b HTTP/1.1\r\n" + host + b"connection: close\r\n\r\n"
        replies = await converse(port, head)
        assert [reply.body for reply in replies] == [b"GET /a?b HTTP/1.1"]
        assert upstream.requests[0].values(b"x-forwarded-host") == [b"gate.test"]


async def test_empty_lines_before_a_request() -> None:
    """They are ignored (RFC 9112 section 2.2)."""
    async with gate() as (port, _):
        end = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        assert [reply.status for reply in await converse(port, b"\r\n\r\n" + end)] == [200]


@pytest.mark.parametrize(
    "wire", [GET, b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["routed", "no route"]
)
async def test_a_request_without_a_route(wire: bytes) -> None:
    """404 keeps the connection when no body was announced, for then its end is known."""
    routes = [{"match": {"prefix": "/nowhere/"}, "cluster": "site"}]
    end = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n"
    async with gate(routes=routes) as (port, _):
        replies = await converse(port, wire * 2 + end + b"x" * 10)
        assert [reply.status for reply in replies] == [404] * 3
        assert [reply.values(b"connection") for reply in replies] == [[], [], [b"close"]]
