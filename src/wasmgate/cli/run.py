"""`wasmgate run`: serves a gateway, on uvicorn."""

from __future__ import annotations

import contextlib
import copy
import functools
import logging.config
import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmgate.cli.console import say, show_error, show_warning
from wasmgate.cli.exit_codes import ExitCode
from wasmgate.cli.hangup import ignore_hangup
from wasmgate.cli.listener import listen
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    import socket

    import uvicorn

    from wasmgate._asgi import ASGIApp
    from wasmgate.config import Address, GatewayConfig

__all__ = ["run"]

# Seconds for requests in flight to end after a signal to stop.
GRACE = 30


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
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve.")] = 1,
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
    logging.config.dictConfig(_logging(log_level))
    ignore_hangup()
    from wasmgate.gateway import Gateway, freeze_heap

    if asgi:
        show_warning(
            "--asgi is for comparison: uvicorn's protocol bounds no head, in bytes or in time"
        )
    app: ASGIApp | str = Gateway.from_file(config)
    if workers > 1:
        # Each worker makes its own; this one showed that the configuration can be used.
        app = "wasmgate.cli.hangup:create_app"
    freeze_heap()
    listener = _listen(_address(settings, host, port), workers)
    server = _server(
        app, config, workers=workers, log_level=log_level, access_log=access_log, asgi=asgi
    )
    started = True
    # uvicorn ends what is under way, and raises the signal again for the handler before its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        if workers > 1:
            from wasmgate.cli.workers import Workers

            serving = functools.partial(_announce, settings, listener, workers)
            Workers(server.config, listener, serving=serving).run()
        else:
            _announce(settings, listener, workers)
            server.run(sockets=[listener])
            started = server.started
    raise typer.Exit(ExitCode.OK if started else ExitCode.PROBLEM)


def _address(settings: GatewayConfig, host: str | None, port: int | None) -> Address:
    from wasmgate.config import Address

    listen = settings.listen
    return Address(host or listen.host, listen.port if port is None else port)


def _listen(address: Address, workers: int) -> socket.socket:
    try:
        return listen(address.host, address.port, workers=workers)
    except OSError as error:
        # `create_server` appends the address in brackets, which the message has already.
        said = f"could not listen on {address}: {(error.strerror or str(error)).partition(' (')[0]}"
        show_error(ConfigError(said, hint="another --port, or stop what listens there"))
        raise typer.Exit(ExitCode.LISTEN) from error


def _announce(settings: GatewayConfig, listener: socket.socket, workers: int) -> None:
    from wasmgate.config import Address

    address = Address(*listener.getsockname()[:2])
    parts = (
        f"routes: {len(settings.routes)}, policies: {len(settings.policies)}, workers: {workers}"
    )
    say(f"wasmgate listens on http://{address} ({parts})")


def _server(
    app: ASGIApp | str,
    config: Path,
    *,
    workers: int,
    log_level: LogLevel,
    access_log: bool,
    asgi: bool,
) -> uvicorn.Server:
    import uvicorn

    # Read by the factory in the worker processes.
    os.environ["WASMGATE_CONFIG"] = str(config.absolute())
    return uvicorn.Server(
        uvicorn.Config(
            app,
            factory=workers > 1,
            workers=workers,
            # As text: each worker process imports it.
            http="httptools" if asgi else "wasmgate.gateway.protocol:GatewayProtocol",
            log_level=log_level.value,
            log_config=_logging(log_level),
            access_log=access_log,
            # `trusted_proxies` decides on forwarded headers: uvicorn must not evaluate them.
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the upstream's is forwarded
            timeout_graceful_shutdown=GRACE,
        )
    )


def _logging(log_level: LogLevel) -> dict[str, Any]:
    from uvicorn.config import LOG_LEVELS, LOGGING_CONFIG

    settings = copy.deepcopy(LOGGING_CONFIG)
    settings["filters"] = {"secrets": {"()": "wasmgate.cli.access_log.MaskedTarget"}}
    settings["handlers"]["access"]["filters"] = ["secrets"]
    settings["loggers"]["wasmgate"] = {
        "handlers": ["default"],
        "level": LOG_LEVELS[log_level.value],
        "propagate": False,
    }
    return settings
