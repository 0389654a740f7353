"""Several processes that serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.supervisors import Multiprocess

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
        """Start them."""
        super().init_processes()
        if all(process.wait_until_ready(START, self.should_exit) for process in self.processes):
            self._serving()
