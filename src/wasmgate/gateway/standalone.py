"""The gateway as a server of its own: threads of the data plane carry the bytes, without Python.

What only Python can do comes to the event loop that started it: log lines, callouts of policies,
the access log. A loop that is busy or stuck delays those and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from wasmgate._native import DataPlane
from wasmgate.callouts.performer import admission
from wasmgate.gateway.certificate import read
from wasmgate.gateway.client_bound import clients
from wasmgate.telemetry.access_log import log_access
from wasmgate.telemetry.fault_log import FaultLog

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path

    from wasmgate._native import Host
    from wasmgate.config import GatewayConfig
    from wasmgate.gateway.app import Gateway
    from wasmgate.gateway.deployment import Deployment
    from wasmgate.gateway.loop_state import LoopState

__all__ = ["KEEP_ALIVE", "Server"]

# Seconds that a client may take:
KEEP_ALIVE = 5.0  # idle between two requests
HEAD_TIMEOUT = 10.0  # for a request's head, from its first byte on
CLIENT_TIMEOUT = 60.0  # between two signs of life when it is waited for
LINGER = 2.0  # quiet after its last answer, until its connection is closed
LONGEST_LINGER = 30.0  # sending after its last answer

GRACE_AFTER_FAILURE = 5.0  # seconds for requests in flight after a thread has failed

_LOGGER = logging.getLogger("wasmgate.gateway")


class Server:
    """Serves a gateway on threads, from `start` until `drain` has ended it.

    Args:
        gateway: What is served; after `Gateway.reload` the new configuration is.
        listeners: Listening sockets, one list for each thread. They are taken over.
        keep_alive: Seconds that a client may be idle between two requests.
        access_log: Write a line for each response to the logger `wasmgate.access`.
        certificate: Paths of a certificate chain and of its private key, in PEM, for TLS.

    Raises:
        ConfigError: The certificate or its key cannot be used; the listeners stay the caller's.
    """

    def __init__(
        self,
        gateway: Gateway,
        listeners: Sequence[Sequence[socket.socket]],
        *,
        keep_alive: float = KEEP_ALIVE,
        access_log: bool = False,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._faults = FaultLog(_LOGGER)
        # By deployment: the last one is in use, others have requests in flight on some threads.
        self._states: dict[int, LoopState] = {}
        self._released: Counter[int] = Counter()  # the threads without it, by deployment
        # Read before the sockets are given away: nothing is left open when it cannot be read.
        pem = None if certificate is None else read(*certificate)
        self._plane = DataPlane(
            [[listener.detach() for listener in its] for its in listeners],
            keep_alive=keep_alive,
            head=HEAD_TIMEOUT,
            client=CLIENT_TIMEOUT,
            linger=LINGER,
            longest_linger=LONGEST_LINGER,
            certificate=pem,
            log_accesses=access_log,
        )
        self._running = self._plane.threads
        self._draining = False
        self.failed = False
        """Whether a thread ended by itself; then all end."""
        self._state: LoopState

    @property
    def requests(self) -> int:
        """How many requests have ended."""
        return self._plane.exchanges

    def report(self) -> tuple[int, list[tuple[str, int, int, int]]]:
        """Return what the threads tell of their connections (see `DataPlane.report`)."""
        return self._plane.report()

    def pending_callouts(self) -> int:
        """Return how many callouts of policies wait for an answer."""
        return self._plane.pending_callouts()

    def instances(self, host: Host) -> int:
        """Return how many instances of the host's policies there are on the threads."""
        return self._plane.instances(host)

    def start(self) -> Self:
        """Start the policies on every thread, then accept clients.

        Raises ValueError where an endpoint wants TLS and no certificate is trusted.
        """
        self._loop.add_reader(self._plane.fileno(), self._take_notes)
        self._gateway.attach(self)
        return self

    def deploy(self, deployment: Deployment) -> None:
        """Serve requests that begin from now on with this deployment; on the server's loop."""
        state, callouts = deployment.remote_state(), deployment.config.callouts.to_limits()
        number = self._plane.deploy(
            deployment.router,
            deployment.policies,
            [
                replace(its, connections=self._share(its.connections)).bounds
                for its in deployment.limits()
            ],
            self._clients(deployment.config),
            (admission(), callouts.bounds, callouts.upstream.bounds),
        )
        self._states[number] = self._state = state

    def _clients(self, config: GatewayConfig) -> int:
        """Return how many clients may be connected at once."""
        most, warning = clients(config, threads=self._plane.threads)
        if warning:
            _LOGGER.warning("%s", warning)
        return most

    def _share(self, connections: int) -> int:
        """Return how many of the connections to an endpoint one thread may have."""
        return -(-connections // self._plane.threads)

    def deploy_soon(self, deployment: Deployment) -> None:
        """Do the same from any thread."""
        self._loop.call_soon_threadsafe(self.deploy, deployment)

    def drain(self, grace: float) -> None:
        """Accept no more, and end with the last exchange, or after `grace` seconds."""
        self._draining = True
        self._plane.drain(grace)

    async def wait(self) -> None:
        """Wait until all threads have ended."""
        await self._ended.wait()
        self._plane.join()
        self._gateway.detach(self)
        self._loop.remove_reader(self._plane.fileno())
        for number in list(self._states):
            self._release(number)

    def _release(self, number: int) -> None:
        """Release the resources of a deployment whose last request has ended."""
        state = self._states.pop(number)
        state.close()
        state.driver.close()

    def _take_notes(self) -> None:
        for note in self._plane.take_notes():
            match note:
                case ("effects", (number, effects)):
                    # A deployment that is gone has no request any more, but policies that stay.
                    self._states.get(number, self._state).driver.apply(effects)
                case ("denied", (number, *denied)):
                    self._states.get(number, self._state).driver.deny(*denied)
                case ("warning", said):
                    _LOGGER.warning("%s", said)
                case ("fault", (about, line)):
                    self._faults.say(about, line)
                case ("access", access):
                    log_access(*access[:5], frames=access[5])
                case ("dropped", count):
                    _LOGGER.warning("%d log lines were left out: they came too fast", count)
                case ("released", number):
                    self._note_release(number)
                case _:
                    self._note_end()
        if not self._running:
            self._ended.set()

    def _note_release(self, number: int) -> None:
        """Count a thread that has finished all requests of a deployment."""
        self._released[number] += 1
        if self._released[number] == self._plane.threads:
            del self._released[number]
            self._release(number)

    def _note_end(self) -> None:
        self._running -= 1
        if not self._draining:
            # A thread failed: the process ends, so that its supervisor can start a new one.
            self.failed = True
            self.drain(GRACE_AFTER_FAILURE)
