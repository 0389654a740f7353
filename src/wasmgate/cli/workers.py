"""Worker processes of `wasmgate run`."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from typing import TYPE_CHECKING

from wasmgate.cli.hangup import ignore_hangup, stay_ignored
from wasmgate.telemetry.handlers import configure_logging

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from wasmgate.cli.run_options import RunOptions
    from wasmgate.cli.serving import Serving

__all__ = ["Workers"]

_LOGGER = logging.getLogger("wasmgate.gateway")

START = 60.0  # seconds that a worker may take until it serves
RESTART_EVERY = 1.0  # seconds between two starts of a worker that ends by itself
_SPAWN = multiprocessing.get_context("spawn")


class Workers:
    """Starts processes, replaces those that end by themselves, and passes signals on.

    Args:
        options: Those of the command: how many processes, and the gateway's configuration, which
            each process reads for itself.
        serving: How each serves.
    """

    def __init__(self, options: RunOptions, serving: Serving) -> None:
        self._arguments = (options, serving)
        self._count = options.workers
        # With where each says that it serves; a worker that could not say it would end.
        self._processes: dict[SpawnProcess, Connection] = {}
        self._stopping = False

    def run(self, started: Callable[[], None]) -> bool:
        """Serve until a signal; `started` is called once all accept clients. False: none began."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for _ in range(self._count):
            self._begin()
        if not all(_is_ready(connection) for connection in self._processes.values()):
            self._stop()
            self._join()
            return False
        started()
        while not self._stopping:
            sentinels = [each.sentinel for each in self._processes]
            multiprocessing.connection.wait(sentinels, 1.0)
            self._replace()
        self._join()
        return True

    def _begin(self) -> None:
        ours, theirs = _SPAWN.Pipe(duplex=False)
        # A process ignores SIGHUP until it handles it: that outlives exec(3).
        handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = _SPAWN.Process(target=_work, args=(*self._arguments, theirs))
        process.start()
        signal.signal(signal.SIGHUP, handler)
        theirs.close()
        self._processes[process] = ours

    def _replace(self) -> None:
        for process in [each for each in self._processes if not each.is_alive()]:
            if self._stopping:
                return
            del self._processes[process]
            _LOGGER.error("worker %d ended with %s: another one starts", *_end_of(process))
            time.sleep(RESTART_EVERY)
            if not self._stopping:
                self._begin()
                if self._stopping:
                    self._stop()

    def _stop(self, number: int = signal.SIGTERM, _frame: object = None) -> None:
        # A terminal sends the first SIGINT to the workers, too: to them another one means at once.
        again, self._stopping = self._stopping, True
        for process in self._processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, number if again else signal.SIGTERM)

    def _join(self) -> None:
        for process in self._processes:
            process.join()


def _end_of(process: SpawnProcess) -> tuple[int | None, int | None]:
    return process.pid, process.exitcode


def _is_ready(connection: Connection) -> bool:
    """Wait until a worker serves; False if it ends or takes too long."""
    try:
        return connection.poll(START) and bool(connection.recv())
    except EOFError:
        return False


def _work(options: RunOptions, serving: Serving, ready: Connection) -> None:
    """Serve in a process of its own."""
    configure_logging(options.log_level.value)
    ignore_hangup()
    from wasmgate.gateway import Gateway, freeze_heap

    gateway = Gateway.from_file(options.config)
    freeze_heap()
    parent = multiprocessing.parent_process()
    sentinel = None if parent is None else parent.sentinel
    started = serving.run(gateway, lambda: ready.send(os.getpid()), parent=sentinel)
    stay_ignored()
    if not started:
        raise SystemExit(1)
