"""`wasmgate explain`: which route, policies and endpoint a request would take, and why."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from wasmgate.cli.console import out

if TYPE_CHECKING:
    from rich.table import Table

    from wasmgate.gateway.explanation import Explanation

__all__ = ["explain"]


def explain(
    *,
    method: Annotated[str, typer.Argument(help="The request's method, such as GET.")],
    url: Annotated[
        str,
        typer.Argument(help="Its URL, such as https://api.example/orders/7, or a path alone."),
    ],
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="NAME:VALUE", help="A field. Repeatable."),
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The gateway's configuration.")
    ] = Path("gateway.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show the way of a request through the gateway, without running a policy or sending it.

    Which route takes it and what is rewritten to what, which policies it passes, which cluster and
    endpoint get it, and why each of the other routes does not take it:

        wasmgate explain GET https://api.example/v1/orders -H 'x-tier: gold'
    """
    from wasmgate.config import load
    from wasmgate.gateway import explanation

    scheme, authority, target = _parts(url)
    fields = [_field(text) for text in header or ()]
    named = next((value for name, value in fields if name.lower() == "host"), authority)
    others = [(name, value) for name, value in fields if name.lower() != "host"]
    explained = explanation.explain(
        load(config), method.upper(), named, target, others, scheme=scheme
    )
    if as_json:
        typer.echo(json.dumps(_as_data(explained), indent=2))
        return
    console = out()
    console.print(_way(explained, f"{method.upper()} {target}", named))
    console.print(_others(explained))


def _parts(url: str) -> tuple[str, str, str]:
    if url.startswith("/"):
        return "http", "localhost", url
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        said = f"{url!r} is not a URL: write https://host/path, or a path that begins with /"
        raise typer.BadParameter(said, param_hint="URL")
    query = f"?{parts.query}" if parts.query else ""
    return parts.scheme, parts.netloc, (parts.path or "/") + query


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text!r} is not 'name: value'", param_hint="--header")
    return name.strip(), value.strip()


def _as_data(explained: Explanation) -> dict[str, object]:
    kind = type(explained.outcome).__name__.lower()
    return {
        "routes": [dataclasses.asdict(its) for its in explained.routes],
        "policies": list(explained.policies),
        "timeout": explained.timeout,
        kind: dataclasses.asdict(explained.outcome),
    }


def _way(explained: Explanation, line: str, host: str) -> Table:
    from rich.table import Table

    from wasmgate.gateway.explanation import Forwarded

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("request", f"{line} host: {host}")
    taken = next((its for its in explained.routes if its.taken), None)
    table.add_row("route", f"routes[{taken.index}] {taken.name}" if taken else "none")
    table.add_row("policies", ", ".join(explained.policies) or "none")
    match explained.outcome:
        case Forwarded() as its:
            table.add_row("cluster", f"{its.cluster}, endpoint {its.endpoint}")
            table.add_row("upstream", f"{its.method} {its.target} host: {its.host}")
        case its:
            table.add_row("answer", " ".join([str(its.status), *_location(its.headers)]))
    if explained.timeout is not None:
        table.add_row("timeout", f"{explained.timeout:g} s")
    return table


def _location(headers: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"location: {value}" for name, value in headers if name == "location"]


def _others(explained: Explanation) -> Table:
    from rich.table import Table

    table = Table("", "route", "", title="Routes as they are tried", title_justify="left")
    for its in explained.routes:
        table.add_row(f"routes[{its.index}]", its.name, its.reason)
    return table
