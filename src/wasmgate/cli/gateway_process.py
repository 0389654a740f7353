"""The process of `wasmgate run`, from its options on.

It imports neither typer nor rich: a start would spend a fifth of its time on them.
"""

from __future__ import annotations

import contextlib
import functools
import signal
from typing import TYPE_CHECKING

from wasmgate.cli.console import say, show_error, show_warning
from wasmgate.cli.exit_codes import ExitCode
from wasmgate.cli.hangup import ignore_hangup, stay_ignored
from wasmgate.cli.listener import listen
from wasmgate.cli.serving import GRACE, Serving
from wasmgate.errors import ConfigError
from wasmgate.telemetry.handlers import configure_logging

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.cli.listener import ListeningAddress
    from wasmgate.cli.run_options import RunOptions
    from wasmgate.config import Address, GatewayConfig
    from wasmgate.gateway import Gateway

__all__ = ["run_gateway"]


def run_gateway(options: RunOptions) -> ExitCode:
    """Run the gateway until a signal stops it, and return the command's exit code.

    Raises WasmgateError before the first connection is accepted.
    """
    from wasmgate.config import load, warnings

    settings = load(options.config)
    for warning in warnings(settings, workers=options.workers):
        show_warning(warning)
    # Before the gateway is made: it reads the loggers' levels.
    configure_logging(options.log_level.value)
    ignore_hangup()
    from wasmgate.gateway import freeze_heap, gateway_of

    if options.asgi:
        show_warning(
            "--asgi is for comparison: uvicorn's protocol bounds no head, in bytes or in time"
        )
    certificate = _certificate(options)
    gateway = gateway_of(options.config, settings)
    freeze_heap()
    threads = options.threads_of_a_process
    try:
        listening = _listen(_address(settings, options), sockets=options.workers * threads)
    except ConfigError as error:
        show_error(error)
        return ExitCode.LISTEN
    announce = functools.partial(_announce, settings, listening, options.workers, threads)
    serving = Serving(
        listening=listening,
        threads=threads,
        access_log=options.access_log,
        certificate=certificate,
    )
    if options.asgi:
        announce()
        started = _serve_app(gateway, listening, options)
    elif options.workers > 1:
        from wasmgate.cli.workers import Workers

        del gateway  # each worker makes one for itself; this one has shown that they can
        started = Workers(options, serving).run(announce)
    else:
        started = serving.run(gateway, announce)
    stay_ignored()
    return ExitCode.OK if started else ExitCode.PROBLEM


def _certificate(options: RunOptions) -> tuple[Path, Path] | None:
    chain, key = options.tls_certificate, options.tls_key
    if chain is None or key is None:
        return None
    from wasmgate.gateway.certificate import checked

    for warning in checked(chain, key)[1]:
        show_warning(warning)
    return chain, key


def _address(settings: GatewayConfig, options: RunOptions) -> Address:
    from wasmgate.config import Address

    asked = settings.listen
    return Address(options.host or asked.host, asked.port if options.port is None else options.port)


def _listen(address: Address, *, sockets: int) -> ListeningAddress:
    """Return where the gateway listens; raises ConfigError if it cannot."""
    try:
        return listen(address.host, address.port, sockets=sockets)
    except OSError as error:
        # `create_server` appends the address in brackets, which the message has already.
        said = f"could not listen on {address}: {(error.strerror or str(error)).partition(' (')[0]}"
        raise ConfigError(said, hint="another --port, or stop what listens there") from error


def _announce(
    settings: GatewayConfig, listening: ListeningAddress, workers: int, threads: int
) -> None:
    from wasmgate.config import Address

    parts = (
        f"routes: {len(settings.routes)}, policies: {len(settings.policies)}, "
        f"workers: {workers}, threads: {threads}"
    )
    say(f"wasmgate listens on http://{Address(*listening.address)} ({parts})")


def _serve_app(gateway: Gateway, listening: ListeningAddress, options: RunOptions) -> bool:
    """Serve the ASGI app; False if it did not start."""
    import uvicorn

    level = options.log_level.value
    server = uvicorn.Server(
        uvicorn.Config(
            gateway,
            http="httptools",
            log_level=level,
            log_config=None,  # its loggers are configured already
            access_log=options.access_log,
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
