"""Where output goes: results to stdout, everything said to a person about them to stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from wasmgate.errors import WasmgateError

__all__ = ["err", "out", "show_error", "show_warning"]

out = Console()
err = Console(stderr=True)


def show_error(error: WasmgateError) -> None:
    """Write an error with its place and what to try. Lines are never wrapped: they are searched."""
    err.print(Text.assemble(("error: ", "bold red"), error.diagnostics()), soft_wrap=True)


def show_warning(text: str) -> None:
    """Write a warning on one line."""
    err.print(Text.assemble(("warning: ", "bold yellow"), text), soft_wrap=True)
