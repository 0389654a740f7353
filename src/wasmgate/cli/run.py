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
    config: Annotated[
        Path, typer.Argument(help="The gateway's configuration, such as gateway.yaml.")
    ],
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on, such as 0.0.0.0. Default: that of `listen` in the "
            "configuration."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="TCP port to listen on; 0 chooses a free one. Default: that of `listen`.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Serving threads in each process. Default: one for each core, divided by the "
            "workers.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Serving processes. Each has rate limit counters of its own."),
    ] = 1,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="<file>",
            help="Serve HTTPS with the certificate chain in this PEM file. Needs --tls-key.",
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(metavar="<file>", help="The PEM file of the certificate's private key."),
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option(help="Write messages of this level and above to stderr.")
    ] = LogLevel.INFO,
    access_log: Annotated[
        bool,
        typer.Option(
            "--access-log/--no-access-log", help="Write a line for each response to stdout."
        ),
    ] = False,
    asgi: Annotated[
        bool,
        typer.Option(
            "--asgi",
            help="Serve the gateway's ASGI app by uvicorn, to compare the two: one thread, slower.",
        ),
    ] = False,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM.

    The configuration is checked and every policy started before the first connection is accepted.
    After the signal, requests in flight have 30 s to finish.

    \b
    wasmgate run gateway.yaml
    wasmgate run gateway.yaml --host 0.0.0.0 --port 8080 --access-log
    wasmgate run gateway.yaml --tls-certificate chain.pem --tls-key key.pem --port 8443
    """  # noqa: D301 (click keeps lines after this character)
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
