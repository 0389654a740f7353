"""`wasmgate conformance`: calls every hostcall in every phase and shows the statuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from wasmgate.cli.console import out, progress
from wasmgate.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from wasmgate.conformance.run import Finding

__all__ = ["conformance"]

_UNBOUND = 10_000  # columns, more than any table has


def conformance(
    *,
    hostcall: Annotated[
        str,
        typer.Option(
            help="Probe only hostcalls whose names contain this text, such as shared_queue. "
            "Default: all."
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON in place of a table.")
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Write the Markdown table of the documentation.")
    ] = False,
) -> None:
    """Call each hostcall in each callback and show the statuses.

    Each column is a callback, each cell a status of proxy-wasm (0 is OK) or "stopped"; a narrow
    terminal gets a list instead. A status that differs from the specification, or would make the
    Rust SDK panic, is red, and the exit code is 1.

    \b
    wasmgate conformance
    wasmgate conformance --hostcall shared_queue --json
    """  # noqa: D301 (click keeps lines after this character)
    from rich.measure import Measurement

    from wasmgate.conformance import matrix, run
    from wasmgate.conformance.cases import CASES

    if not any(hostcall in case.hostcall for case in CASES):
        raise typer.BadParameter(
            f"no hostcall has {hostcall!r} in its name", param_hint="--hostcall"
        )
    with progress("probing") as advance:
        findings = run.run(advance, containing=hostcall)
    if as_json:
        typer.echo(json.dumps(matrix.as_json(findings), indent=2))
    elif as_markdown:
        typer.echo(matrix.as_markdown(findings))
    else:
        console = out()
        table = _table(findings)
        unbound = console.options.update(max_width=_UNBOUND)
        fits = Measurement.get(console, unbound, table).maximum <= console.width
        console.print(table if fits else _list(findings))
        console.print(_summary(findings))
    wrong = not all(finding.right for finding in findings)
    raise typer.Exit(ExitCode.PROBLEM if wrong else ExitCode.OK)


def _table(findings: Sequence[Finding]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from wasmgate.conformance.matrix import STOPPED, cell, rows
    from wasmgate.conformance.phases import PHASES

    table = Table(title="statuses by hostcall and phase", title_justify="left")
    table.add_column("hostcall", no_wrap=True)
    table.add_column("case", no_wrap=True)
    for number, _ in enumerate(PHASES, 1):
        table.add_column(str(number), justify="right")
    before = ""
    for name, label, found in rows(findings):
        cells = [
            Text(cell(one.status).replace(STOPPED, "x"), "" if one.right else "bold red")
            for one in found
        ]
        table.add_row("" if name == before else name, label, *cells)
        before = name
    table.caption = "x: stopped; " + ", ".join(
        f"{number} {phase.name}" for number, phase in enumerate(PHASES, 1)
    )
    return table


def _list(findings: Sequence[Finding]) -> Table:
    """Make the same in three columns, whose lines may wrap."""
    from rich.table import Table
    from rich.text import Text

    from wasmgate.conformance.matrix import rows, told

    table = Table(title="statuses by hostcall", title_justify="left")
    for heading in ("hostcall", "case", "status"):
        table.add_column(heading, overflow="fold")
    before = ""
    for name, label, found in rows(findings):
        right = all(one.right for one in found)
        table.add_row(
            "" if name == before else name, label, Text(told(found), "" if right else "bold red")
        )
        before = name
    return table


def _summary(findings: Sequence[Finding]) -> str:
    wrong = sum(not finding.right for finding in findings)
    hostcalls = len({finding.case.hostcall for finding in findings})
    return f"{len(findings):,} probes of {hostcalls} hostcalls, {wrong} not as they must be"
