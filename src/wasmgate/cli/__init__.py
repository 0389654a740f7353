"""The command line: one file a command, registered in `wasmgate.cli.app.COMMANDS`."""

from __future__ import annotations

import sys

__all__ = ["main"]

NEEDED = ("httptools", "rich", "typer", "uvicorn", "yaml")


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit; without the packages of the extra `gateway` say so."""
    try:
        from wasmgate.cli.app import main as run
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(f"wasmgate: the command needs {error.name}: pip install 'wasmgate[gateway]'")
    run(arguments)
