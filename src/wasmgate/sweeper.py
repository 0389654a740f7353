"""One timer that looks at many things with a time limit: a timer for each would cost more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SWEEP_EVERY", "Sweeper", "Swept"]

SWEEP_EVERY = 0.25  # seconds
_NEVER = float("inf")


class Swept(Protocol):
    """Something with time limits."""

    def check_timeouts(self, now: float) -> None:
        """End what took too long; `now` is the loop's time in seconds."""


class Sweeper:
    """Calls a function on the running loop when it is due.

    The function is given the loop's time in seconds, and returns in how many seconds it is to be
    called again, or None. It is held only while it is due.
    """

    __slots__ = ("_loop", "_timer", "idle", "next_at")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.idle = True
        """Whether no call is due."""
        self.next_at = _NEVER
        """When the function is called, in the loop's time."""

    def schedule(self, delay: float, sweep: Callable[[float], float | None]) -> None:
        """Call `sweep` in `delay` seconds, or when it is due already, if that is sooner."""
        at = self._loop.time() + delay
        if at < self.next_at:
            self.cancel()
            self.idle, self.next_at = False, at
            self._timer = self._loop.call_at(at, self._run, sweep)

    def cancel(self) -> None:
        """Drop the call that is due."""
        if self._timer is not None:
            self._timer.cancel()
        self._clear()

    def _run(self, sweep: Callable[[float], float | None]) -> None:
        self._clear()
        delay = sweep(self._loop.time())
        if delay is not None:
            self.schedule(delay, sweep)

    def _clear(self) -> None:
        self._timer, self.idle, self.next_at = None, True, _NEVER
