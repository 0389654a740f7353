"""Our HTTP/1.1 client: a pool an endpoint, and the clock that enforces the time limits."""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import TYPE_CHECKING

from wasmgate.sweeper import Sweeper
from wasmgate.upstream.dial import dial_by_name
from wasmgate.upstream.limits import UpstreamLimits
from wasmgate.upstream.pool import Pool
from wasmgate.upstream.transaction import NEVER, HttpTransaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate.upstream.dial import Dial
    from wasmgate.upstream.port import UpstreamRequest

BUSY_TICK, IDLE_TICK = 0.1, 1.0  # seconds


class HttpUpstream:
    """Carries requests to `http://` and `https://` endpoints over HTTP/1.1.

    Belongs to the event loop that runs when it is made. `tls` makes the context for `https://`
    endpoints; without it the system's certificate authorities are trusted. What `dial` raises
    beside OSError comes out of `begin`.
    """

    def __init__(
        self,
        *,
        limits: UpstreamLimits | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
        dial: Dial = dial_by_name,
    ) -> None:
        self._limits = limits or UpstreamLimits()
        self._dial = dial
        self._tls = cache(tls or ssl.create_default_context)
        self._loop = asyncio.get_running_loop()
        self._pools: dict[str, Pool] = {}
        self._active: set[HttpTransaction] = set()
        self._sweeper = Sweeper()
        self._closed = False

    def __repr__(self) -> str:
        return f"<HttpUpstream: {len(self._active)} active, {list(self._pools.values())}>"

    async def begin(
        self, request: UpstreamRequest, chunk: bytes, *, end: bool, within: float | None = None
    ) -> HttpTransaction:
        """Send the head and the first body bytes; see `Upstream.begin`.

        Raises ConnectError, UpstreamTimeout, NoHealthyEndpoint.
        """
        endpoint = request.endpoint
        pool = self._pools.get(endpoint) or self._add(endpoint)
        now = self._loop.time()
        deadline = NEVER if within is None else now + within
        transaction = HttpTransaction(pool, request, chunk, end=end, deadline=deadline)
        connection = pool.idle() or await pool.acquire(deadline)
        # From here to the end nothing waits, so nothing can be cancelled with a connection in hand.
        self._active.add(transaction)
        if self._sweeper.next_at > now + BUSY_TICK:
            self._sweeper.schedule(BUSY_TICK, self._sweep)
        transaction.start(connection)
        return transaction

    def close(self) -> None:
        """Close what is idle; transactions under way finish and their connections close then."""
        self._closed = True
        for pool in self._pools.values():
            pool.retire()

    def _add(self, endpoint: str) -> Pool:
        pool = Pool(
            endpoint, limits=self._limits, tls=self._tls, dial=self._dial, active=self._active
        )
        if self._closed:
            pool.retire()
        self._pools[endpoint] = pool
        return pool

    def _sweep(self, now: float) -> float | None:
        for transaction in list(self._active):
            transaction.check(now)
        for endpoint, pool in list(self._pools.items()):
            pool.expire(now - self._limits.idle)
            if pool.unused:
                pool.retire()  # a request that still holds it leaves nothing behind
                del self._pools[endpoint]
        if self._active:
            return BUSY_TICK
        return IDLE_TICK if self._pools else None
