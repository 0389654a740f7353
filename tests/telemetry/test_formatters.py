"""How `wasmgate run` writes its log lines."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from wasmgate.telemetry.access_log import AccessFormatter
from wasmgate.telemetry.level_formatter import LevelFormatter

if TYPE_CHECKING:
    from pathlib import Path


def line(formatter: logging.Formatter, *args: object) -> str:
    """Return how a line of level INFO is written."""
    message = '%s - "%s" %d' if args else "it runs"
    record = logging.LogRecord("wasmgate", logging.INFO, __file__, 1, message, args, None)
    return formatter.format(record)


@pytest.mark.parametrize("kind", [LevelFormatter, AccessFormatter])
def test_only_a_terminal_gets_colours(kind: type[LevelFormatter], tmp_path: Path) -> None:
    """The stream that the line goes to decides, not another one of the process."""
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as terminal, (tmp_path / "log").open("w") as file:
        told = [line(kind(stream), "a", "GET /", 404) for stream in (terminal, file)]
    os.close(master)
    assert [text.startswith("\033[32mINFO:") for text in told] == [True, False]


def test_an_access_has_the_name_of_its_status(tmp_path: Path) -> None:
    """As uvicorn writes it; a status without a name has none."""
    with (tmp_path / "log").open("w") as file:
        said = [line(AccessFormatter(file), "a", "GET /", status) for status in (404, 299)]
    assert said == [
        'INFO:     a - "GET /" 404 Not Found',
        'INFO:     a - "GET /" 299',
    ]
