"""SIGHUP: the terminal was closed, or a person expects a reload of the configuration."""

from __future__ import annotations

import _thread
import logging
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


__all__ = ["ignore_hangup", "stay_ignored"]

_LOGGER = logging.getLogger("wasmgate.gateway")


def say_ignored() -> None:
    """Log that SIGHUP is ignored."""
    _LOGGER.warning(
        "SIGHUP is ignored: the configuration is not read again by a signal;"
        " Gateway.reload() does it, or a restart"
    )


def ignore_hangup() -> None:
    """Ignore SIGHUP, which by default ends the process (signal(7)); call it on the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        # The signal may interrupt code that writes a log line or holds a lock of `threading`:
        # logging here would deadlock.
        _thread.start_new_thread(say_ignored, ())

    signal.signal(signal.SIGHUP, handle)


def stay_ignored() -> None:
    """Ignore SIGHUP without a word while the process ends.

    The interpreter, as it ends, gives handlers of Python back to the system, and then the signal
    would end the process.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
