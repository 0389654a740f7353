"""Several processes that serve."""

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

START = 60.0  # seconds that a worker may take until it serves


class Workers(Multiprocess):
    """uvicorn's workers; `serving` is called once, when all of them accept connections."""

    def __init__(
        self, config: Config, listener: socket.socket, *, serving: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets=[listener])
        self._serving = serving

    def init_processes(self) -> None:
        """Start them. They ignore SIGHUP until they handle it: that outlives exec(3)."""
        handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        super().init_processes()
        signal.signal(signal.SIGHUP, handler)
        if all(process.wait_until_ready(START, self.should_exit) for process in self.processes):
            self._serving()

    def handle_hup(self) -> None:
        """Restart nothing: connections that wait to be accepted would be reset."""
        say_ignored()
