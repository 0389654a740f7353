"""`wasmgate inspect`: what a module is, without running it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from wasmgate.cli.console import out
from wasmgate.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["inspect"]


def inspect(
    *,
    module: Annotated[str, typer.Argument(help="A .wasm file, or the name of a bundled policy.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show a module's ABI, digest, size, imports and exports; it is not run."""
    from wasmgate._native import inspect as native_inspect

    facts = native_inspect(Policy(module, name="inspected").read())
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        out.print(_table(module, facts))


def _table(module: str, facts: Mapping[str, Any]) -> Table:
    table = Table("", "", title=module, title_justify="left", show_header=False)
    for name, fact in facts.items():
        table.add_row(name.replace("_", " "), _text(fact))
    return table


def _text(fact: object) -> str:
    if isinstance(fact, (list, tuple)):
        return "\n".join(map(str, fact)) or "none"
    return f"{fact:,}" if isinstance(fact, int) and not isinstance(fact, bool) else str(fact)
