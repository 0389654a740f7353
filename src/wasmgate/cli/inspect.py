"""`wasmgate inspect`: describes a module without running it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmgate.cli.console import out
from wasmgate.cli.exit_codes import ExitCode
from wasmgate.errors import ConfigError, PolicyLoadError
from wasmgate.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.table import Table
    from rich.text import Text

__all__ = ["inspect"]


def inspect(
    *,
    module: Annotated[
        str,
        typer.Argument(help="A .wasm file, or the name of a bundled policy, such as jwt_auth."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON in place of a table.")
    ] = False,
) -> None:
    """Describe a module without running it.

    Shows its ABI, digest, memory, callbacks and imports, and the kinds of capability that its
    imports can use. The exit code is 1 for a module that this version cannot run; the output says
    why.

    \b
    wasmgate inspect jwt_auth
    wasmgate inspect target/wasm32-wasip1/release/own.wasm --json
    """  # noqa: D301 (click keeps lines after this character)
    from wasmgate._native import inspect as native_inspect

    try:
        facts = _named(native_inspect(Policy(module, name="inspected").read()))
    except PolicyLoadError as error:
        # The error names a policy, and here is only a module.
        said = error.message.removeprefix("policy '': ")
        hint = "name a .wasm file that was built with a proxy-wasm SDK, or a bundled policy"
        raise ConfigError(said, where=module, hint=hint) from error
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        out().print(_table(module, facts))
    raise typer.Exit(ExitCode.PROBLEM if facts["problem"] else ExitCode.OK)


def _named(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Turn tuples into objects with names, because JSON has no tuples."""
    memory = facts["memory"]
    return {
        **facts,
        "memory": memory and dict(zip(("initial", "maximum"), memory, strict=True)),
        "imports": [
            dict(zip(("module", "name", "kind", "known"), entry, strict=True))
            for entry in facts["imports"]
        ],
        "producers": [
            dict(zip(("field", "name", "version"), entry, strict=True))
            for entry in facts["producers"]
        ],
    }


def _table(module: str, facts: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table(title=_shown(module), title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(facts):
        table.add_row(name, text)
    return table


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    from rich.text import Text

    problem = facts["problem"]
    runs = _shown(f"no: {problem}", "bold red") if problem else Text("yes", "green")
    yield "runs here", runs
    yield "ABI", Text(facts["abi"] or "unknown")
    yield "size", Text(f"{facts['size']:,} bytes")
    yield "SHA-256", Text(facts["digest"])
    if facts["memory"]:
        initial, maximum = facts["memory"].values()
        most = f"at most {maximum:,}" if maximum else "no maximum of its own"
        yield "memory", Text(f"{initial:,} bytes, {most}")
    yield "start", _shown(facts["start"] or "none")
    asks = (f"{kind}: {', '.join(functions)}" for kind, functions in facts["asks"].items())
    yield "can ask for", _lines(asks)
    yield "callbacks", _lines(facts["callbacks"])
    yield "imports", _lines(_imports(facts, known=True))
    if unknown := _imports(facts, known=False):
        yield "unknown imports", Text.assemble(_lines(unknown), "\n(a call of one is a trap)")
    if facts["producers"]:
        yield (
            "built with",
            _lines(f"{made['name']} {made['version']}" for made in facts["producers"]),
        )


def _imports(facts: Mapping[str, Any], *, known: bool) -> list[str]:
    entries = (entry for entry in facts["imports"] if entry["known"] is known)
    return [f"{entry['module']}.{entry['name']}" for entry in entries]


def _lines(values: Iterable[str]) -> Text:
    from rich.text import Text

    return Text("\n").join(map(_shown, values)) or Text("none")


def _shown(text: str, style: str = "") -> Text:
    """Escape what a module's names may do to a terminal: ends of lines, escape sequences."""
    from rich.text import Text

    from wasmgate._native import printable

    return Text(printable(text), style)
