"""What the path without ASGI keeps for one event loop and one configuration."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from wasmgate.gateway.direct.endpoint_pool import EndpointPool
from wasmgate.gateway.fault_log import FaultLog

if TYPE_CHECKING:
    from wasmgate._native import Router
    from wasmgate.config import GatewayConfig
    from wasmgate.driver import Driver
    from wasmgate.gateway.protocol import GatewayProtocol
    from wasmgate.upstream import UpstreamLimits

__all__ = ["Direct"]

LOOK_EVERY = 0.25  # seconds
# Bits of the endpoint's number in what a native connection dials; the cluster's is above them.
_ENDPOINT_BITS = 16


class Direct:
    """Pools by endpoint, and the connections to look after.

    One timer looks at all connections: a timer for each request would cost more than the rest of
    what Python does for it.
    """

    def __init__(
        self,
        config: GatewayConfig,
        router: Router,
        driver: Driver,
        limits: dict[str, UpstreamLimits],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        # For signs of life: at most `LOOK_EVERY` ahead, so that nothing ends early.
        self.now = self.loop.time() + LOOK_EVERY
        self.router = router
        self.driver = driver
        self.faults = FaultLog(logging.getLogger("wasmgate.gateway"))
        self.connections: set[GatewayProtocol] = set()
        self.retired = False
        self._endpoints = [
            [(url, limits[name]) for url in cluster.endpoints]
            for name, cluster in config.clusters.items()
        ]
        self._pools: dict[int, EndpointPool] = {}
        self._timer = self.loop.call_later(LOOK_EVERY, self._look)

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
            self._timer.cancel()  # it would hold the old policies

    def _look(self) -> None:
        now = self.loop.time()
        self.now = now + LOOK_EVERY
        for connection in list(self.connections):
            connection.look(now)
        for pool in self._pools.values():
            pool.look(now)
        if self.connections or not self.retired:
            self._timer = self.loop.call_later(LOOK_EVERY, self._look)
        else:
            del self._timer  # it knows this object: without the circle the old policies go now
