"""What goes wrong with many requests at once, in a few lines."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["FaultLog"]

BURST = 10  # lines about one thing at once
EVERY = 1.0  # seconds for another one
THINGS = 256  # of which the lines are counted


@dataclass(slots=True)
class _Thing:
    tokens: float
    since: float
    left_out: int = 0


@dataclass(slots=True)
class FaultLog:
    """Warnings about things, each at most so often; the next line says how many were left out."""

    logger: logging.Logger
    clock: Callable[[], float] = time.monotonic
    _things: dict[str, _Thing] = field(default_factory=dict)

    def say(self, thing: str, message: str) -> None:
        """Log a message about `thing`, such as an endpoint or a route."""
        now = self.clock()
        known = self._things.pop(thing, None) or _Thing(BURST, now)
        self._things[thing] = known  # the last one: the one that was named longest ago goes first
        if len(self._things) > THINGS:
            del self._things[next(iter(self._things))]
        known.tokens = min(BURST, known.tokens + (now - known.since) / EVERY)
        known.since = now
        if known.tokens < 1:
            known.left_out += 1
            return
        known.tokens -= 1
        more, known.left_out = known.left_out, 0
        self.logger.warning("%s%s", message, f" ({more} such lines left out)" if more else "")
