"""SIGHUP: a terminal that goes away, or somebody who wants a server to read its file again."""

from __future__ import annotations

import _thread
import logging
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from wasmgate.gateway import Gateway

__all__ = ["create_app", "ignore_hangup", "say_ignored"]

_LOGGER = logging.getLogger("wasmgate.gateway")


def say_ignored() -> None:
    """Say in the log that nothing happens."""
    _LOGGER.warning(
        "SIGHUP is ignored: the configuration is not read again by a signal;"
        " Gateway.reload() does it, or a restart"
    )


def ignore_hangup() -> None:
    """Let SIGHUP end nothing, which it does by default (signal(7)); for the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        # What it interrupts may be writing a log line, and within that no other can be written.
        # It may hold a lock of `threading`, too.
        _thread.start_new_thread(say_ignored, ())

    signal.signal(signal.SIGHUP, handle)


def create_app() -> Gateway:
    """Make the gateway of a worker; the signal comes to all processes of a terminal."""
    from wasmgate.gateway import create_app

    ignore_hangup()
    return create_app()
