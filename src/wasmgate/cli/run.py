"""`wasmgate run`: the gateway as a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wasmgate.cli.gateway_process import run_gateway
from wasmgate.cli.run_options import LogLevel, RunOptions

__all__ = ["run"]


def run(
    *,
    config: Annotated[Path, typer.Argument(help="The gateway's configuration, gateway.yaml.")],
    host: Annotated[
        str | None, typer.Option(help="Listen here instead of what `listen` says.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The same for the port; 0 takes a free one."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that serve; without it one for each core."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve.")] = 1,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(metavar="<file>", help="Speak TLS with this certificate (PEM)."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="<file>", help="Its private key (PEM).")
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="How much to write.")] = LogLevel.INFO,
    access_log: Annotated[
        bool,
        typer.Option(
            "--access-log/--no-access-log", help="Write a line for each request to stdout."
        ),
    ] = False,
    asgi: Annotated[
        bool, typer.Option("--asgi", help="Run the gateway's ASGI app: slower, for comparison.")
    ] = False,
) -> None:
    """Run the gateway until it is stopped.

    The configuration is checked and every policy started before the first connection is accepted.
    Requests in flight when the gateway is stopped have 30 s to end.
    """
    options = RunOptions(
        config=config,
        host=host,
        port=port,
        threads=threads,
        workers=workers,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        log_level=log_level,
        access_log=access_log,
        asgi=asgi,
    )
    text = options.contradiction()
    if text is not None:
        raise typer.BadParameter(text)
    raise typer.Exit(run_gateway(options))
