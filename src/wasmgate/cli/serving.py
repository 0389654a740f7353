"""`wasmgate run` in one process: threads that serve, and an event loop for everything else."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmgate.cli.listener import ListeningAddress
    from wasmgate.gateway import Gateway

__all__ = ["GRACE", "Serving"]

# Requests under way may take this long, in seconds, after a signal to stop.
GRACE = 30.0
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How one process serves a gateway.

    Args:
        listening: Where.
        threads: How many threads.
        access_log: Write a line for each response.
        certificate: Paths of a certificate chain and of its private key, in PEM, for TLS.
    """

    listening: ListeningAddress
    threads: int = 1
    access_log: bool = False
    certificate: tuple[Path, Path] | None = None

    def run(
        self, gateway: Gateway, serving: Callable[[], None], *, parent: int | None = None
    ) -> bool:
        """Serve until SIGINT or SIGTERM; a second SIGINT does not wait for requests.

        `serving` is called once clients are accepted. Returns False if a thread failed. `parent` is
        a descriptor that becomes readable when the process that started this one has ended.
        """
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._serve(gateway, serving, parent))

    async def _serve(
        self, gateway: Gateway, serving: Callable[[], None], parent: int | None
    ) -> bool:
        from wasmgate.gateway.standalone import Server

        loop = asyncio.get_running_loop()
        listeners = self.listening.open(self.threads)
        # Its open socket would accept connections after the threads have stopped.
        self.listening.close()
        server = Server(
            gateway,
            [[listener] for listener in listeners],
            access_log=self.access_log,
            certificate=self.certificate,
        )
        stopping = False

        def stop(number: int) -> None:
            nonlocal stopping
            # A terminal sends SIGINT to a worker, and its parent sends SIGTERM after that.
            if not stopping or number == signal.SIGINT:
                server.drain(0.0 if stopping else GRACE)
            stopping = True

        def orphaned(parent: int) -> None:
            loop.remove_reader(parent)
            stop(signal.SIGTERM)

        for number in _STOPPING:
            loop.add_signal_handler(number, stop, number)
        if parent is not None:
            # A worker whose parent is gone would serve for ever.
            loop.add_reader(parent, orphaned, parent)
        server.start()
        serving()
        await server.wait()
        return not server.failed
