"""The native part of a request alone: bytes in, bytes out, no sockets and no event loop.

    python benchmarks/crossings.py GATEWAY_YAML TOKEN EXCHANGES

Does so many exchanges of the usual request through one `Connection`, and prints the CPU time of
each in microseconds. Under `valgrind --tool=callgrind` the difference between two numbers of
exchanges counts the instructions of one.
"""

from __future__ import annotations

import asyncio
import sys
import time

from work import CLIENT_PREFIX, PATH, QUERY

from wasmgate._native import Connection
from wasmgate.gateway import Gateway

_HEAD = (
    f"GET {CLIENT_PREFIX}{PATH}/000?{QUERY} HTTP/1.1\r\nHost: api.example\r\n"
    "User-Agent: load/1.0\r\n"
    "Accept: application/json\r\nAccept-Encoding: gzip, br\r\n"
    "X-Request-Id: 7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642\r\nAuthorization: Bearer {token}\r\n\r\n"
)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: upstream\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 128\r\n\r\n" + b"u" * 128
)


async def exchanges(configuration: str, token: str, count: int) -> float:
    """Return the CPU time of one in microseconds. Raises RuntimeError if one is not forwarded."""
    router = Gateway.from_file(configuration).router
    connection = Connection(router, ("127.0.0.1", 1), ("127.0.0.1", 80), False)  # noqa: FBT003 (native)
    head = _HEAD.format(token=token).encode("ascii")
    start = time.process_time()
    for _ in range(count):
        *_, dial = connection.receive(head)
        if dial < 0:
            raise RuntimeError("a request was not forwarded")
        connection.receive_upstream(_ANSWER)
    elapsed = time.process_time() - start
    return elapsed / count * 1e6


if __name__ == "__main__":
    print(asyncio.run(exchanges(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
