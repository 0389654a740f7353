"""Worker processes of `wasmgate run`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from uvicorn.supervisors import Multiprocess

from wasmgate.cli.hangup import say_ignored

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from uvicorn import Config

__all__ = ["Workers"]

START = 60.0  # seconds from the start of a worker until it accepts connections


class Workers(Multiprocess):
    """The supervisor of uvicorn; `serving` is called once, when all workers accept connections."""

    def __init__(
        self, config: Config, listener: socket.socket, *, serving: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets=[listener])
        self._serving = serving

    def init_processes(self) -> None:
        """Start the workers with SIGHUP ignored, which exec(3) inherits, until they handle it."""
        handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        super().init_processes()
        signal.signal(signal.SIGHUP, handler)
        if all(process.wait_until_ready(START, self.should_exit) for process in self.processes):
            self._serving()

    def handle_hup(self) -> None:
        """Do not restart workers: connections in the backlog would be reset."""
        say_ignored()
