"""What the path without ASGI keeps for one event loop and one configuration."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from wasmgate.gateway.direct.endpoint_pool import EndpointPool
from wasmgate.gateway.fault_log import FaultLog
from wasmgate.sweeper import SWEEP_EVERY, Sweeper

if TYPE_CHECKING:
    from wasmgate._native import Router
    from wasmgate.config import GatewayConfig
    from wasmgate.driver import Driver
    from wasmgate.sweeper import Swept
    from wasmgate.upstream import UpstreamLimits

__all__ = ["DirectState"]

# Bits of the endpoint's number in what a native connection dials; the cluster's is above them.
_ENDPOINT_BITS = 16


class DirectState:
    """Pools by endpoint, and the connections whose time limits are checked."""

    def __init__(
        self,
        config: GatewayConfig,
        router: Router,
        driver: Driver,
        limits: dict[str, UpstreamLimits],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        # For signs of life: at most `SWEEP_EVERY` ahead, so that nothing ends early.
        self.now = self.loop.time() + SWEEP_EVERY
        self.router = router
        self.driver = driver
        self.faults = FaultLog(logging.getLogger("wasmgate.gateway"))
        self.connections: set[Swept] = set()
        self.retired = False
        self._endpoints = [
            [(url, limits[name]) for url in cluster.endpoints]
            for name, cluster in config.clusters.items()
        ]
        self._pools: dict[int, EndpointPool] = {}
        self._sweeper = Sweeper()
        self._sweeper.schedule(SWEEP_EVERY, self._sweep)

    def pool(self, dial: int) -> EndpointPool:
        """Return the pool of an endpoint by the number that a native connection dials."""
        pool = self._pools.get(dial)
        if pool is None:
            cluster, endpoint = dial >> _ENDPOINT_BITS, dial & ((1 << _ENDPOINT_BITS) - 1)
            pool = self._pools[dial] = EndpointPool(*self._endpoints[cluster][endpoint])
        return pool

    def close(self) -> None:
        """Close idle connections; exchanges under way finish."""
        self.retired = True
        for pool in self._pools.values():
            pool.close()
        if not self.connections:
            self._sweeper.cancel()  # the timer holds the old policies

    def _sweep(self, now: float) -> float | None:
        self.now = now + SWEEP_EVERY
        for connection in list(self.connections):
            connection.check_timeouts(now)
        for pool in self._pools.values():
            pool.check_timeouts(now)
        return SWEEP_EVERY if self.connections or not self.retired else None
