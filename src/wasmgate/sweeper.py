"""One timer that checks many timeouts: a timer for each would cost more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SWEEP_EVERY", "Sweeper", "Swept"]

SWEEP_EVERY = 0.25  # seconds
_NEVER = float("inf")


class Swept(Protocol):
    """An object with timeouts."""

    def check_timeouts(self, now: float) -> None:
        """Check the timeouts; `now` is the loop's time in seconds."""


class Sweeper:
    """Calls a function on the running loop when it is due.

    The function gets the loop's time in seconds and returns the seconds until its next call, or
    None. It is referenced only while a call is scheduled.
    """

    __slots__ = ("_loop", "_timer", "idle", "next_at")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.idle = True
        """Whether no call is scheduled."""
        self.next_at = _NEVER
        """The time of the scheduled call, in the loop's time."""

    def schedule(self, delay: float, sweep: Callable[[float], float | None]) -> None:
        """Schedule a call of `sweep` in `delay` seconds, unless an earlier one is scheduled."""
        at = self._loop.time() + delay
        if at < self.next_at:
            self.cancel()
            self.idle, self.next_at = False, at
            self._timer = self._loop.call_at(at, self._run, sweep)

    def cancel(self) -> None:
        """Cancel the scheduled call."""
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
