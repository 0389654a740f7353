"""Where `wasmgate run` listens: a socket for each thread of each process.

Threads that share a socket share clients unevenly: the thread that wakes up first accepts all
waiting clients. With a socket for each thread the kernel distributes clients (SO_REUSEPORT,
socket(7)). On other systems than Linux, and with a socket that systemd opened, they share one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import Any

__all__ = ["ListeningAddress", "listen"]

BACKLOG = 2048
_FIRST_INHERITED = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)


class ListeningAddress:
    """Holds an address while processes start that listen there.

    Args:
        held: A socket that listens, or one that is only bound, where each thread has its own.
        shared: All threads accept from `held`.
    """

    def __init__(self, held: socket.socket, *, shared: bool) -> None:
        self._held = held
        self._shared = shared
        host, port = held.getsockname()[:2]
        self.address: tuple[str, int] = (host, port)
        """Host and port."""

    def open(self, count: int) -> list[socket.socket]:
        """Return this number of listening sockets."""
        if self._shared:
            return [self._held.dup() for _ in range(count)]
        family, address = self._held.family, self._held.getsockname()
        opened = [_bound(family, address) for _ in range(count)]
        for each in opened:
            each.listen(BACKLOG)
        return opened

    def close(self) -> None:
        """Release the address: open sockets stay open."""
        self._held.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the address where that is enough, else the socket."""
        if self._shared:
            return _shared, (self._held,)
        return _of_process, (self._held.family, self._held.getsockname())


def listen(host: str, port: int, *, sockets: int = 1) -> ListeningAddress:
    """Return where the gateway listens; `sockets`: how many will. Raises OSError."""
    inherited = _inherited()
    if inherited is not None:
        return ListeningAddress(inherited, shared=True)
    family, *_, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    if sockets == 1 or sys.platform != "linux":
        listener = socket.create_server(where[:2], family=family, backlog=BACKLOG)
        return ListeningAddress(listener, shared=True)
    if port:
        # Sockets that share an address would not notice that another server has it.
        socket.create_server(where[:2], family=family, backlog=BACKLOG).close()
    return ListeningAddress(_bound(family, where), shared=False)


def _inherited() -> socket.socket | None:
    """Return the socket that systemd opened for this process, if any (sd_listen_fds(3))."""
    with contextlib.suppress(KeyError, ValueError):
        if int(os.environ["LISTEN_PID"]) == os.getpid() and int(os.environ["LISTEN_FDS"]) > 0:
            return socket.socket(fileno=_FIRST_INHERITED)
    return None


def _shared(held: socket.socket) -> ListeningAddress:
    return ListeningAddress(held, shared=True)


def _of_process(family: int, address: Any) -> ListeningAddress:  # noqa: ANN401 (as the family has it)
    return ListeningAddress(_bound(family, address), shared=False)


def _bound(family: int, address: Any) -> socket.socket:  # noqa: ANN401 (as the family has it)
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # As `socket.create_server` does.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock
