"""Consoles: results go to stdout, messages to stderr.

rich is imported on first use: `wasmgate run` does not need it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from wasmgate.errors import WasmgateError

__all__ = ["err", "logged", "out", "progress", "say", "show_error", "show_warning"]


def out() -> Console:
    """Return the console for results, on stdout."""
    from rich.console import Console

    return Console()


def err() -> Console:
    """Return the console for messages, on stderr."""
    from rich.console import Console

    return Console(stderr=True)


@contextlib.contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Draw a progress bar on stderr if it is a terminal; yields a function of done and total."""
    from rich.progress import Progress

    with Progress(console=err(), transient=True) as bar:
        task = bar.add_task(doing)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def logged(name: str) -> Iterator[None]:
    """Write to stderr what a logger says, for a command that sets up no logging."""
    logger, handler = logging.getLogger(name), logging.StreamHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def say(text: str) -> None:
    """Write plain text to stderr."""
    sys.stderr.write(f"{text}\n")


def show_error(error: WasmgateError) -> None:
    """Write an error with its place and hint. Lines are not wrapped, so that grep finds them."""
    _show("error: ", "bold red", error.diagnostics())


def show_warning(text: str) -> None:
    """Write a warning on one line."""
    _show("warning: ", "bold yellow", text)


def _show(kind: str, style: str, text: str) -> None:
    from rich.text import Text

    err().print(Text.assemble((kind, style), text), soft_wrap=True)
