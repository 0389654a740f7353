"""What clients and upstreams may send: well-formed messages, and mutations of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

LAST = b"GET /last HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n\r\n"

TARGETS = [
    b"/", b"/a/b?c=d", b"/a%2Fb", b"//a", b"/a//b", b"/%7e", b"/a;b", b"/?", b"/a?b?c", b"/%00",
    b"/a/./b", b"/a/../b", b"/%2e%2e/x", b"/a/..", b"*", b"http://gate.test/a", b"http://other/x",
    b"gate.test:80", b"/a#b", b"/%zz", b"/\xc3\xa9", b"/a\\b", b"/..;/a", b"/a%5cb", b"", b"/{}|",
]  # fmt: skip
FIELDS = [
    b"x-a: b", b"X-A:b", b"x-a:  b \t", b"x-a:", b"x_a: b", b"x-a: b\r\nx-a: c", b"x-a: \xff",
    b"cookie: a=b", b"authorization: Bearer x", b"connection: x-a", b"connection: close",
    b"connection: keep-alive", b"connection: authorization", b"te: trailers", b"expect: x",
    b"upgrade: h2c\r\nconnection: upgrade", b"x-forwarded-for: 6.6.6.6", b"forwarded: for=6.6.6.6",
    b"content-type: text/plain", b"x-a : b", b" x-a: b", b"x-a: b\r\n c", b"x-a: b\rc", b"x a: b",
    b"host: other", b"host:", b"proxy-authorization: x", b"keep-alive: 5", b"x-a: b\0c",
    b"range: bytes=0-1",
]  # fmt: skip
BODIES = [
    (b"content-length: 5", b"hello"),
    (b"content-length: 0", b""),
    (b"transfer-encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"transfer-encoding: chunked", b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx-t: u\r\n\r\n"),
    (b"Transfer-Encoding: Chunked", b"005\r\nhello\r\n00\r\n\r\n"),
    (b"content-length: 5\r\ncontent-length: 5", b"hello"),
    (b"content-length: 5\r\ntransfer-encoding: chunked", b"0\r\n\r\n"),
    (b"content-length: 5, 5", b"hello"),
    (b"content-length: +5", b"hello"),
    (b"content-length : 5", b"hello"),
    (b"transfer-encoding: identity", b""),
    (b"transfer-encoding: gzip, chunked", b"0\r\n\r\n"),
    (b"transfer-encoding: xchunked", b"0\r\n\r\n"),
    (b"transfer-encoding: chunked\r\ntransfer-encoding: chunked", b"0\r\n\r\n"),
    (b"transfer-encoding: chunked", b"5\nhello\n0\n\n"),
    (b"transfer-encoding: chunked", b"5 \r\nhello\r\n0\r\n\r\n"),
    (b"transfer-encoding: chunked", b"0x5\r\nhello\r\n0\r\n\r\n"),
    (b"transfer-encoding: chunked", b"5\r\nhelloX\r\n0\r\n\r\n"),
]
RESPONSES = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-b: 1\r\nx-b: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nx-b: 1\r\n\r\n",
    b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n',
    b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 404 Nope\r\ncontent-length: 0\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nconnection: close, x-b\r\nx-b: 1\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 302 Found\r\nlocation: /x%2F\r\ncontent-length: 0\r\n\r\n",
]
BITS = [
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\0",
    b"0",
    b"/",
    b"%",
    b"\x7f",
    b"\xff",
]


METHODS = [b"GET", b"GET", b"POST", b"PUT", b"OPTIONS", b"DELETE", b"X-Y"]
FIRST_METHODS = [*METHODS, b"HEAD"]
VERSIONS = [b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/1.2"]
FEW_TARGETS = [b"/", b"/a/b?c=d"]
GOOD_BODIES = BODIES[:4]


def request(rng: random.Random, *, first: bool) -> bytes:
    """Make a request, well-formed or nearly; only the first is HEAD, else replies are guesswork."""
    method = rng.choice(FIRST_METHODS if first else METHODS)
    version = rng.choice(VERSIONS)
    target = rng.choice(TARGETS if rng.random() < 0.5 else FEW_TARGETS)
    lines = [b"host: gate.test"] if rng.random() < 0.97 else []
    lines += rng.choices(FIELDS, k=rng.choice([0, 0, 1, 1, 2]))
    body = b""
    if rng.random() < 0.5:
        framing, body = rng.choice(BODIES if rng.random() < 0.5 else GOOD_BODIES)
        lines.append(framing)
    rng.shuffle(lines)
    head = b"%b %b %b\r\n" % (method, target, version)
    return head + b"".join(b"%b\r\n" % line for line in lines) + b"\r\n" + body


def conversation(rng: random.Random) -> bytes:
    """Make one or two requests, at times damaged, and one that ends the connection."""
    data = bytearray(b"".join(request(rng, first=not i) for i in range(rng.choice([1, 1, 1, 2]))))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        place = rng.randrange(len(data))
        length = rng.choice([0, 0, 1, 2])
        data[place : place + length] = rng.choice(BITS)
    return bytes(data) + LAST
