"""The logs of `wasmgate run`: messages on stderr, accesses on stdout, in uvicorn's layout."""

from __future__ import annotations

import http
import logging
import sys
from typing import TYPE_CHECKING, TextIO

from wasmgate._native import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AccessFormatter", "LevelFormatter", "MaskedTarget", "configure"]

TRACE = 5
_WIDTH = 9  # of a level's name and its colon
# SGR parameters of ECMA-48, as uvicorn has them.
_COLOURS: Mapping[int, int] = {
    TRACE: 34,
    logging.DEBUG: 36,
    logging.INFO: 32,
    logging.WARNING: 33,
    logging.ERROR: 31,
    logging.CRITICAL: 91,
}


class LevelFormatter(logging.Formatter):
    """Writes the level in front of the message; in colour if `stream` is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._coloured = stream.isatty()

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, and the lines of its exception."""
        name = f"{record.levelname}:".ljust(_WIDTH)
        if self._coloured:
            name = f"\033[{_COLOURS.get(record.levelno, 0)}m{name}\033[0m"
        return f"{name} {super().format(record)}"


class AccessFormatter(LevelFormatter):
    """Adds the name of the status, which is the last argument of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        line = super().format(record)
        status = record.args[-1] if isinstance(record.args, tuple) else 0
        try:
            return f"{line} {http.HTTPStatus(int(str(status))).phrase}"
        except ValueError:
            return line


class MaskedTarget(logging.Filter):
    """Masks secrets in the targets that uvicorn's own protocol logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record's third argument; it is always logged."""
        if isinstance(record.args, tuple):
            client, method, target, *rest = record.args
            shown = masked(b":path", str(target).encode()).decode("utf-8", "replace")
            record.args = (client, method, shown, *rest)
        return True


def configure(level: str) -> None:
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
