"""Where `wasmgate run` listens: one socket, or one for each worker.

Workers that share a socket share it badly: whoever is awake takes all that has come, and of clients
that come at once one worker gets nearly all. With a socket of their own the kernel deals clients
out (SO_REUSEPORT, socket(7)).
"""

from __future__ import annotations

import socket
import sys
from typing import Any

__all__ = ["listen"]

BACKLOG = 2048


class WorkersListener(socket.socket):
    """Holds the address. Each worker that it is sent to gets a listening socket of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the address, not the socket."""
        return _of_worker, (self.family, self.getsockname())


def listen(host: str, port: int, *, workers: int) -> socket.socket:
    """Return what the server is to be given. Raises OSError."""
    family, *_, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # Also with several workers: sockets that share an address would not notice another server.
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
