"""A refusal arrives also when the client sends its whole body first (RFC 9112 section 9.6)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.gateway.direct.gate import gate
from tests.gateway.scripted_upstream import sends

BODY = b"x" * 900_000
LENGTH = b"content-length: %d\r\n" % len(BODY)

REFUSED = {
    "413": (b"POST / HTTP/1.1\r\nhost: gate.test\r\n" + LENGTH + b"\r\n", 413),
    "413 of a body in chunks": (
        b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\ndbba0\r\n",
        413,
    ),
    "404": (b"POST / HTTP/1.1\r\nhost: other.test\r\n" + LENGTH + b"\r\n", 404),
    "400": (b"POST / HTTP/1.1\r\nhost: gate.test\r\nhost: b\r\n" + LENGTH + b"\r\n", 400),
    "400 of an invalid length": (
        b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 9x\r\n\r\n",
        400,
    ),
    "400 of a line": (b"POST / HTTP/1.1\nhost: gate.test\n\n", 400),
    "400 of a request without a body": (b"GET /../x HTTP/1.1\r\nhost: gate.test\r\n\r\n", 400),
    "431": (b"POST / HTTP/1.1\r\nhost: gate.test\r\nx: " + b"y" * 300_000, 431),
    "400 of a handshake": (
        b"GET / HTTP/1.1\r\nhost: gate.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        + LENGTH
        + b"\r\n",
        400,
    ),
}


def whole_body_first(port: int, head: bytes) -> int:
    """Send it all, and only then read; gives the status."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(head)
        client.sendall(BODY)
        answer = b""
        while b"\r\n" not in answer:
            came = client.recv(65536)
            if not came:
                return 0
            answer += came
    return int(answer.split(b" ")[1])


@pytest.mark.parametrize("kind", REFUSED)
async def test_the_answer_comes_every_time(kind: str) -> None:
    """A hundred clients that send first and read then get a hundred answers."""
    head, status = REFUSED[kind]
    changes = {
        "server": {"body": "100KiB" if status == 413 else "1GiB"},
        "routes": [{"match": {"host": "gate.test", "prefix": "/"}, "cluster": "site"}],
    }
    answer = sends(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    async with gate(answer, config=changes) as (port, _):
        statuses = [await asyncio.to_thread(whole_body_first, port, head) for _ in range(100)]
    assert statuses == [status] * 100


async def test_a_large_body() -> None:
    """However long it takes: the client is read on while it sends."""
    size = 8_000_000

    def slowly(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(b"POST / HTTP/1.1\r\nhost: other.test\r\n")
            client.sendall(b"content-length: %d\r\n\r\n" % size)
            for _ in range(size // 100_000):
                client.sendall(bytes(100_000))
            return client.recv(65536)

    routes = [{"match": {"host": "gate.test", "prefix": "/"}, "cluster": "site"}]
    async with gate(routes=routes) as (port, _):
        assert (await asyncio.to_thread(slowly, port)).startswith(b"HTTP/1.1 404 ")
