"""The command line: one file a command, registered in `wasmgate.cli.app.COMMANDS`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

NEEDED = ("httptools", "rich", "typer", "uvicorn", "uvloop", "yaml")
_INTERRUPTED = 130  # as a shell has it: 128, and SIGINT


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit; without the packages of the extra `gateway` say so."""
    # pydantic would search every installed package for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _run_plainly(given)
        from wasmgate.cli.app import main as run
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(f"wasmgate: the command needs {error.name}: pip install 'wasmgate[gateway]'")
    run(given)


def _run_plainly(arguments: list[str]) -> None:
    """Run the gateway and exit, if the command line says that in its plain form."""
    if arguments[:1] != ["run"]:
        return
    from wasmgate.cli.plain_run import options_of

    options = options_of(arguments)
    if options is None:
        return
    from wasmgate.cli.console import show_error
    from wasmgate.cli.exit_codes import ExitCode
    from wasmgate.cli.gateway_process import run_gateway
    from wasmgate.errors import WasmgateError

    try:
        sys.exit(run_gateway(options))
    except WasmgateError as error:
        show_error(error)
        sys.exit(ExitCode.PROBLEM)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
