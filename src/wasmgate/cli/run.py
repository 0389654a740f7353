"""`wasmgate run`: the gateway as a server of its own."""

from __future__ import annotations

import contextlib
import functools
import logging.config
import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wasmgate.cli import logs
from wasmgate.cli.console import say, show_error, show_warning
from wasmgate.cli.exit_codes import ExitCode
from wasmgate.cli.hangup import ignore_hangup
from wasmgate.cli.listener import listen
from wasmgate.cli.serving import GRACE, Serving
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from wasmgate.cli.listener import ListeningAddress
    from wasmgate.config import Address, GatewayConfig
    from wasmgate.gateway import Gateway

__all__ = ["run"]


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


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
    from wasmgate.config import load, warnings

    settings = load(config)
    for warning in warnings(settings, workers=workers):
        show_warning(warning)
    # Before the gateway is made: it reads the loggers' levels.
    logging.config.dictConfig(logs.settings(log_level.value))
    ignore_hangup()
    from wasmgate.gateway import Gateway, freeze_heap

    if asgi and (workers > 1 or threads or tls_certificate):
        raise typer.BadParameter("--asgi serves with one process, one thread and without TLS")
    if asgi:
        show_warning(
            "--asgi is for comparison: uvicorn's protocol bounds no head, in bytes or in time"
        )
    certificate = _certificate(tls_certificate, tls_key)
    gateway = Gateway.from_file(config)
    freeze_heap()
    threads = threads or (1 if asgi else max(1, _cores() // workers))
    listening = _listen(_address(settings, host, port), sockets=workers * threads)
    announce = functools.partial(_announce, settings, listening, workers, threads)
    serving = Serving(
        listening=listening,
        threads=threads,
        access_log=access_log,
        certificate=certificate,
    )
    if asgi:
        announce()
        started = _serve_app(gateway, listening, log_level=log_level, access_log=access_log)
    elif workers > 1:
        from wasmgate.cli.workers import Workers

        del gateway  # each worker makes one for itself; this one has shown that they can
        started = Workers(workers, config, serving, logs.settings(log_level.value)).run(announce)
    else:
        started = serving.run(gateway, announce)
    raise typer.Exit(ExitCode.OK if started else ExitCode.PROBLEM)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _certificate(chain: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise typer.BadParameter("--tls-certificate and --tls-key go together")
    from wasmgate.gateway.certificate import checked

    for warning in checked(chain, key)[1]:
        show_warning(warning)
    return chain, key


def _address(settings: GatewayConfig, host: str | None, port: int | None) -> Address:
    from wasmgate.config import Address

    listen = settings.listen
    return Address(host or listen.host, listen.port if port is None else port)


def _listen(address: Address, *, sockets: int) -> ListeningAddress:
    try:
        return listen(address.host, address.port, sockets=sockets)
    except OSError as error:
        # `create_server` appends the address in brackets, which the message has already.
        said = f"could not listen on {address}: {(error.strerror or str(error)).partition(' (')[0]}"
        show_error(ConfigError(said, hint="another --port, or stop what listens there"))
        raise typer.Exit(ExitCode.LISTEN) from error


def _announce(
    settings: GatewayConfig, listening: ListeningAddress, workers: int, threads: int
) -> None:
    from wasmgate.config import Address

    parts = (
        f"routes: {len(settings.routes)}, policies: {len(settings.policies)}, "
        f"workers: {workers}, threads: {threads}"
    )
    say(f"wasmgate listens on http://{Address(*listening.address)} ({parts})")


def _serve_app(
    gateway: Gateway, listening: ListeningAddress, *, log_level: LogLevel, access_log: bool
) -> bool:
    """Serve the ASGI app; False if it did not start."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            gateway,
            http="httptools",
            log_level=log_level.value,
            log_config=logs.settings(log_level.value),
            access_log=access_log,
            # `trusted_proxies` decides on forwarded headers: uvicorn must not evaluate them.
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the upstream's is passed on
            timeout_graceful_shutdown=int(GRACE),
        )
    )
    # uvicorn finishes requests in flight, then raises the signal for the handler before its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=listening.open(1))
    return server.started
