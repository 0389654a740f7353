"""The command `wasmgate`: its subcommands, `--version`, and how errors are shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wasmgate.cli.check import check
from wasmgate.cli.conformance import conformance
from wasmgate.cli.console import out, show_error
from wasmgate.cli.exit_codes import EPILOG, ExitCode
from wasmgate.cli.explain import explain
from wasmgate.cli.inspect import inspect
from wasmgate.cli.replay import replay
from wasmgate.cli.run import run
from wasmgate.cli.token import token
from wasmgate.cli.trace import trace
from wasmgate.errors import WasmgateError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "check": check,
    "explain": explain,
    "inspect": inspect,
    "conformance": conformance,
    "trace": trace,
    "replay": replay,
    "token": token,
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EPILOG,
)
for _name, _command in COMMANDS.items():
    app.command(_name, epilog=EPILOG)(_command)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (typer calls it with the flag)
    if wanted:
        from wasmgate import __version__

        out().print(f"wasmgate {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def wasmgate(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Gateway policies in WebAssembly: run a gateway, check its configuration, look at modules."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit; a `WasmgateError` is shown as a message, not as a traceback."""
    try:
        app(arguments, prog_name="wasmgate")
    except WasmgateError as error:
        show_error(error)
        sys.exit(ExitCode.PROBLEM)
