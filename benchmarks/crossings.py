"""The data plane's part of a request alone: one thread, without what clients and upstreams do.

    python benchmarks/crossings.py GATEWAY_YAML TOKEN EXCHANGES

Serves so many exchanges of the usual request on one thread of the data plane, and prints the CPU
time of each in microseconds, the kernel's included. Client and upstream are a process of their own.
Under `valgrind --tool=callgrind` the difference between two numbers of exchanges counts the
instructions of one: the kernel's are not in it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

from work import CLIENT_PREFIX, PATH, QUERY

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_PEERS = "--peers"


async def exchanges(configuration: str, token: str, count: int) -> float:
    """Return the CPU time of one in microseconds. Raises RuntimeError if one is not forwarded."""
    from wasmgate.gateway import Gateway  # noqa: PLC0415 (the other process does not need it)
    from wasmgate.gateway.standalone import Server  # noqa: PLC0415

    gateway = Gateway.from_file(configuration)
    endpoint = next(iter(gateway.config.clusters.values())).urls[0]
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Server(gateway, [[listener]]).start()
    start = time.process_time()
    peers = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, _PEERS, str(port), endpoint.rpartition(":")[2]),
        *(token, str(count)),
    )
    if await peers.wait() or server.requests != count:
        raise RuntimeError("a request was not forwarded")
    elapsed = time.process_time() - start
    server.drain(1.0)
    await server.wait()
    return elapsed / count * 1e6


def converse(port: int, upstream: int, token: str, count: int) -> None:
    """Be client and upstream of so many exchanges, each on one connection."""
    with socket.create_server(("127.0.0.1", upstream)) as listener:
        answering = threading.Thread(target=_answer, args=(listener,), daemon=True)
        answering.start()
        with socket.create_connection(("127.0.0.1", port)) as client:
            head = _HEAD.format(token=token).encode("ascii")
            for _ in range(count):
                client.sendall(head)
                answer = _whole(client)
                if not answer.startswith(b"HTTP/1.1 200 "):
                    raise SystemExit(answer.decode("latin-1"))


def _answer(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        for _ in _heads(connection):
            connection.sendall(_ANSWER)


def _heads(connection: socket.socket) -> Iterator[bytes]:
    data = b""
    while received := connection.recv(65536):
        data += received
        while b"\r\n\r\n" in data:
            head, _, data = data.partition(b"\r\n\r\n")
            yield head


def _whole(client: socket.socket) -> bytes:
    """Read an answer; all have the same body."""
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(_ANSWER[-128:]):
        received = client.recv(65536)
        if not received:
            break
        data += received
    return data


if __name__ == "__main__":
    if sys.argv[1] == _PEERS:
        converse(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
    else:
        print(asyncio.run(exchanges(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
