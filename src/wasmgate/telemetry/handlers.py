"""The log handlers of `wasmgate run`: messages on stderr, accesses on stdout."""

from __future__ import annotations

import logging
import sys

from wasmgate.telemetry.access_log import AccessFormatter, MaskedTarget
from wasmgate.telemetry.level_formatter import TRACE, LevelFormatter

__all__ = ["configure_logging"]


def configure_logging(level: str) -> None:
    """Send the loggers of wasmgate and uvicorn to stderr and stdout.

    `logging.config` would do the same, and import a server of sockets for it.

    Args:
        level: The lowest level of messages, by its name in lower case.
    """
    number = TRACE if level == "trace" else logging.getLevelNamesMapping()[level.upper()]
    messages = logging.StreamHandler(sys.stderr)
    messages.setFormatter(LevelFormatter(sys.stderr))
    accesses = logging.StreamHandler(sys.stdout)
    accesses.setFormatter(AccessFormatter(sys.stdout))
    _send("wasmgate", messages, number)
    _send("wasmgate.access", accesses, logging.INFO)
    _send("uvicorn", messages, number)
    # The data plane has masked its targets already.
    _send("uvicorn.access", accesses, logging.INFO, MaskedTarget())


def _send(name: str, handler: logging.Handler, level: int, *filters: logging.Filter) -> None:
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.filters = [*filters]
    logger.setLevel(level)
    logger.propagate = False
