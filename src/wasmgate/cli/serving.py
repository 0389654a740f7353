"""`wasmgate run` in one process: threads that serve, and an event loop for everything else."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import uvloop

from wasmgate.gateway.standalone import Server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from wasmgate.gateway import Gateway

__all__ = ["serve"]

# Requests under way may take this long, in seconds, after a signal to stop.
GRACE = 30.0
_STOPPING = (signal.SIGINT, signal.SIGTERM)


def serve(
    gateway: Gateway,
    listeners: Sequence[Sequence[socket.socket]],
    *,
    access_log: bool,
    serving: Callable[[], None],
) -> None:
    """Serve until a signal ends it: SIGINT or SIGTERM, a second one without waiting.

    Args:
        gateway: What is served.
        listeners: Listening sockets, one list for each thread.
        access_log: Write a line for each response.
        serving: Called once clients are accepted.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stopped = runner.run(_serve(gateway, listeners, access_log=access_log, serving=serving))
    if stopped != signal.SIGINT:
        # Whoever waits for this process learns what ended it.
        signal.signal(stopped, signal.SIG_DFL)
        signal.raise_signal(stopped)


async def _serve(
    gateway: Gateway,
    listeners: Sequence[Sequence[socket.socket]],
    *,
    access_log: bool,
    serving: Callable[[], None],
) -> int:
    loop = asyncio.get_running_loop()
    server = Server(gateway, listeners, access_log=access_log)
    signals: list[int] = []

    def stop(number: int) -> None:
        server.drain(0.0 if signals else GRACE)
        signals.append(number)

    for number in _STOPPING:
        loop.add_signal_handler(number, stop, number)
    server.start()
    serving()
    await server.wait()
    for number in _STOPPING:
        loop.remove_signal_handler(number)
    return signals[0] if signals else signal.SIGINT
