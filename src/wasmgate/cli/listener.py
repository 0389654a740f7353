"""The listening sockets of `wasmgate run`: one, or one for each worker.

Workers that share one socket get unequal shares: the worker that wakes first accepts nearly all
waiting connections. With one socket for each worker the kernel distributes connections evenly
(SO_REUSEPORT, socket(7)).
"""

from __future__ import annotations

import socket
import sys
from typing import Any

__all__ = ["listen"]

BACKLOG = 2048


class WorkersListener(socket.socket):
    """Reserves the address. Pickled to a worker, it becomes a listening socket of that worker."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the address, not the socket."""
        return _of_worker, (self.family, self.getsockname())


def listen(host: str, port: int, *, workers: int) -> socket.socket:
    """Return the listening socket for the server. Raises OSError if the address cannot be used."""
    family, *_, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # Also with several workers: SO_REUSEPORT would not detect that another server has the address.
    listener = socket.create_server(where[:2], family=family, backlog=BACKLOG)
    if workers == 1 or sys.platform != "linux":
        return listener
    address = listener.getsockname()
    listener.close()
    return _bound(WorkersListener(family), address)


def _of_worker(family: int, address: Any) -> socket.socket:  # noqa: ANN401 (as the family has it)
    listener = _bound(socket.socket(family), address)
    listener.listen(BACKLOG)
    return listener


def _bound(sock: socket.socket, address: Any) -> socket.socket:  # noqa: ANN401 (as the family has it)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:
        # As `socket.create_server` does.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(address)
    return sock
