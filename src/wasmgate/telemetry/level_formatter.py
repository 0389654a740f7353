"""Log lines with their level, in uvicorn's layout."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TRACE", "LevelFormatter"]

TRACE = 5
"""The number of the level below DEBUG, as in uvicorn."""

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
