"""What a gateway keeps for one event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate._native import Chain
    from wasmgate.callouts.performer import Settings
    from wasmgate.gateway.asgi.forwarding import Forwarding
    from wasmgate.gateway.direct.loop_state import Direct
    from wasmgate.upstream import Upstream

__all__ = ["Local"]

LOOK_EVERY = 0.25  # seconds


class Local:
    """Upstreams by cluster, the policies' driver, and the requests under way.

    Asking the server whether a client has left costs a task. So only requests that are still under
    way when the clock strikes are asked about, and most never are. Their time is looked at then.
    """

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        chain: Chain,
        settings: Settings,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.upstreams = upstreams
        self.driver = Driver(chain, settings)
        self.direct: Direct | None = None  # made by the first connection that needs it
        self._closed = False
        self._under_way: set[Forwarding] = set()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, forwarding: Forwarding) -> None:
        """Note a request that begins."""
        self._under_way.add(forwarding)
        if self._timer is None:
            self._timer = self.loop.call_later(LOOK_EVERY, self._look)

    def leave(self, forwarding: Forwarding) -> None:
        """Note that it has ended."""
        self._under_way.discard(forwarding)
        self._let_go()

    def close(self) -> None:
        """Close idle connections; requests under way finish."""
        for upstream in self.upstreams.values():
            upstream.close()
        if self.direct is not None:
            self.direct.close()
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        """Stop the clock after the last request of a closed one: it would hold the old policies."""
        if self._closed and not self._under_way and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self.loop.time()
        for forwarding in self._under_way:
            forwarding.look(now)
        if self._under_way:
            self._timer = self.loop.call_later(LOOK_EVERY, self._look)
