"""What a gateway keeps for one event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate.driver import Driver
from wasmgate.sweeper import SWEEP_EVERY, Sweeper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate._native import Chain
    from wasmgate.callouts.performer import CalloutEnvironment
    from wasmgate.sweeper import Swept
    from wasmgate.upstream import Upstream

__all__ = ["LoopState"]


class LoopState:
    """Upstreams by cluster, the policies' driver, and the requests in flight.

    To ask the server whether a client has left costs a task. So only requests that are under way
    when the sweeper runs ask, and most never do. Their time limits are checked then, too.
    """

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        chain: Chain,
        settings: CalloutEnvironment,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.upstreams = upstreams
        self.driver = Driver(chain, settings)
        self._closed = False
        self._under_way: set[Swept] = set()
        self._sweeper = Sweeper()

    def enter(self, request: Swept) -> None:
        """Check the time limits of a request from now on."""
        self._under_way.add(request)
        if self._sweeper.idle:
            self._sweeper.schedule(SWEEP_EVERY, self._sweep)

    def leave(self, request: Swept) -> None:
        """Note that it has ended."""
        self._under_way.discard(request)
        if self._closed:
            self._stop()

    def close(self) -> None:
        """Close idle connections; requests in flight finish."""
        for upstream in self.upstreams.values():
            upstream.close()
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        """Stop the timer of a closed state after its last request: it holds the old policies."""
        if not self._under_way:
            self._sweeper.cancel()

    def _sweep(self, now: float) -> float | None:
        for request in list(self._under_way):
            request.check_timeouts(now)
        return SWEEP_EVERY if self._under_way else None
