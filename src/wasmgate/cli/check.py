"""`wasmgate check`: checks a gateway.yaml and starts its policies, without listening."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wasmgate.cli.console import logged, out, show_error, show_warning
from wasmgate.cli.exit_codes import ExitCode
from wasmgate.errors import WasmgateError

if TYPE_CHECKING:
    from rich.table import Table

    from wasmgate._native import Host, Plugin
    from wasmgate.config import GatewayConfig
    from wasmgate.config.models import Route
    from wasmgate.policy import Policy

__all__ = ["check"]


@dataclass(frozen=True)
class Verdict:
    """The result of starting one policy."""

    policy: Policy
    cached: bool
    plugin: Plugin | None
    error: WasmgateError | None
    milliseconds: float
    route: str = ""
    """The route whose configuration it is; empty: the policy's own."""


def check(
    *,
    config: Annotated[
        Path | None,
        typer.Argument(help="The gateway's configuration, such as gateway.yaml."),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema", help="Write the JSON Schema of gateway.yaml to stdout; check nothing."
        ),
    ] = False,
) -> None:
    """Check a configuration, and start every policy.

    Policies are compiled, started and configured, as by `run`; nothing listens. Tables of policies
    and routes go to stdout, errors and warnings to stderr.

    \b
    wasmgate check gateway.yaml
    wasmgate check --schema > gateway.schema.json
    """  # noqa: D301 (click keeps lines after this character)
    from wasmgate.config import json_schema, load, warnings

    if schema:
        typer.echo(json.dumps(json_schema(), indent=2))
        return
    if config is None:
        raise typer.BadParameter("name the gateway's configuration, such as gateway.yaml")
    settings = load(config)
    settings.require_storage()
    settings.require_trust()
    for warning in warnings(settings):
        show_warning(warning)
    with logged("wasmgate.policy"):
        verdicts = _start(settings)
    out().print(_policies(verdicts))
    out().print(_routes(settings))
    errors = [verdict.error for verdict in verdicts if verdict.error]
    for error in errors:
        show_error(error)
    raise typer.Exit(ExitCode.PROBLEM if errors else ExitCode.OK)


def _start(settings: GatewayConfig) -> list[Verdict]:
    from wasmgate._native import Host
    from wasmgate.policy.artifacts import cache_folder

    host = Host(cache=cache_folder())
    own = {name: _verdict(policy, host) for name, policy in settings.to_policies().items()}
    return [
        *own.values(),
        *(
            _configured(policy, plugin, route)
            for route in settings.routes
            for name, policy in settings.configured_by(route).items()
            if (plugin := own[name].plugin) is not None
        ),
    ]


def _configured(policy: Policy, plugin: Plugin, route: Route) -> Verdict:
    from wasmgate.gateway.loaded_policies import configure

    own, failure, began = None, None, time.perf_counter()
    try:
        own = configure(policy, plugin, route)
    except WasmgateError as error:
        failure = error
    return Verdict(
        policy=policy,
        cached=True,
        plugin=own,
        error=failure,
        milliseconds=(time.perf_counter() - began) * 1000,
        route=route.name,
    )


def _verdict(policy: Policy, host: Host) -> Verdict:
    cached, plugin, failure, began = False, None, None, time.perf_counter()
    try:
        missing = host.misses(policy.read())
        plugin = policy.load(host)
        cached = plugin.cached and not missing
    except WasmgateError as error:
        failure = error
    return Verdict(policy, cached, plugin, failure, (time.perf_counter() - began) * 1000)


def _policies(verdicts: list[Verdict]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("policy", "module", "abi", "digest", title="Policies", title_justify="left")
    table.add_column("start", justify="right")
    table.add_column("verdict")
    for verdict in verdicts:
        plugin = verdict.plugin
        how = "cached" if verdict.cached else "compiled"
        table.add_row(
            f"{verdict.policy.name} on {verdict.route}" if verdict.route else verdict.policy.name,
            Path(verdict.policy.module).name,
            plugin.abi if plugin else "",
            plugin.digest[:12] if plugin else "",
            f"{how} {verdict.milliseconds:,.0f} ms" if plugin else "",
            Text("ok", "green") if plugin else Text("failed", "bold red"),
        )
    return table


def _routes(settings: GatewayConfig) -> Table:
    from rich.table import Table

    table = Table("host", "path", "policies", "action", title="Routes", title_justify="left")
    for route in settings.routes:
        ((action, value),) = route.summary().items()
        table.add_row(
            ", ".join(route.match.host) or "any",
            route.match.pattern[1],
            ", ".join(settings.policies_of(route)) or "none",
            str(value) if action == "cluster" else f"{action} {value}",
        )
    return table
