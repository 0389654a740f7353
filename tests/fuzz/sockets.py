"""Many short connections in one event loop, without a transport and its callbacks for each.

A run spends most of its time on opening connections. They are to this machine, so connecting and
sending never wait; only reading does.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ = selectors.EVENT_READ
LENGTH = 65_536


class Sockets:
    """Calls what waits for a socket when there is something to read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._later: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Look at the sockets whenever the running loop finds that one is ready; then close all."""
        loop, number = asyncio.get_running_loop(), self._selector.fileno()
        loop.add_reader(number, self._look)
        try:
            yield
        finally:
            loop.remove_reader(number)
            for opened, _ in [key.data for key in self._selector.get_map().values()]:
                self.close(opened)
            self._selector.close()

    def watch(self, opened: socket.socket, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the socket can be read."""
        self._selector.register(opened, READ, (opened, ready))

    def close(self, opened: socket.socket) -> None:
        """Close a socket that is watched."""
        self._selector.unregister(opened)
        opened.close()

    def call_later(self, function: Callable[[], None]) -> None:
        """Call a function when all that has come by now was read."""
        self._later.append(function)

    def _look(self) -> None:
        for key, _ in self._selector.select(0):
            opened, ready = key.data
            if opened.fileno() >= 0:  # what was called before may have closed it
                ready()
        while self._later:
            self._later.pop()()


def received(opened: socket.socket) -> bytes | None:
    """Take what has come: empty at the end of the connection, None when nothing has."""
    try:
        return opened.recv(LENGTH, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""
