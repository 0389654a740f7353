"""What the tasks beside the server's own leave for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._native import Effects

__all__ = ["EffectsQueue"]


class EffectsQueue:
    """Effects in order, for one reader."""

    __slots__ = ("_effects", "_waiter")

    def __init__(self) -> None:
        self._effects: list[Effects] = []  # most requests have none
        self._waiter: asyncio.Future[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._effects)

    def put(self, effects: Effects) -> None:
        """Leave effects, and wake the reader."""
        self._effects.append(effects)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> Effects:
        """Take the oldest; there must be one."""
        return self._effects.pop(0)

    async def get(self) -> Effects:
        """Wait for the oldest and take it."""
        while not self._effects:
            await self.filled()
        return self.take()

    def filled(self) -> asyncio.Future[None]:
        """Return a future that is done when there is something to take."""
        self._waiter = asyncio.get_running_loop().create_future()
        if self._effects:
            self._waiter.set_result(None)
        return self._waiter
