"""`wasmgate replay`: runs a recorded request again and compares the result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wasmgate.cli.console import out, show_warning
from wasmgate.cli.exit_codes import ExitCode

__all__ = ["replay"]


def replay(
    *,
    recording: Annotated[Path, typer.Argument(help="A file that `wasmgate trace --record` wrote.")],
    module: Annotated[
        Path | None,
        typer.Option(
            help="A .wasm file to run in place of the recorded module, such as a new build."
        ),
    ] = None,
) -> None:
    """Run a recorded request again and compare.

    The messages to client and upstream must be the same, and so must the results of all callbacks
    and hostcalls, in the same order. The exit code is 1 if something differs; the differences go to
    stdout.

    \b
    wasmgate replay denied.json
    wasmgate replay denied.json --module target/wasm32-wasip1/release/own.wasm
    """  # noqa: D301 (click keeps lines after this character)
    from rich.text import Text

    from wasmgate.replay import replay as run_again

    done = run_again(recording, module=module)
    for changed in done.changed:
        show_warning(f"another {changed} than recorded")
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in done.differences:
        out().print(Text(line, styles.get(line[:1], "")), soft_wrap=True)
    if done.differences and done.recording.masked:
        show_warning("secrets of the request are masked in the recording; --secrets records them")
    if done.differences:
        raise typer.Exit(ExitCode.PROBLEM)
    out().print(f"the same, in {len(done.outcome.steps):,} steps", highlight=False)
