"""Warnings that many requests cause at once, in a bounded number of lines."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["BURST", "FaultLog"]

BURST = 10  # lines about one subject at once
_INTERVAL = 1.0  # seconds until a subject may have one more
_SUBJECTS = 256  # whose lines are counted; the least recently named is forgotten


@dataclass(slots=True)
class _TokenBucket:
    tokens: float
    since: float
    left_out: int = 0


@dataclass(slots=True)
class FaultLog:
    """Limits the warnings about each subject by a token bucket.

    The next line that is written says how many were left out.

    Args:
        logger: Where warnings go.
        clock: Returns the time in seconds.
    """

    logger: logging.Logger
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, _TokenBucket] = field(default_factory=dict)

    def say(self, subject: str, message: str) -> None:
        """Log a message about `subject`, such as an endpoint or a route."""
        now = self.clock()
        bucket = self._buckets.pop(subject, None) or _TokenBucket(BURST, now)
        self._buckets[subject] = bucket  # at the end: the first is the least recently named
        if len(self._buckets) > _SUBJECTS:
            del self._buckets[next(iter(self._buckets))]
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.since) / _INTERVAL)
        bucket.since = now
        if bucket.tokens < 1:
            bucket.left_out += 1
            return
        bucket.tokens -= 1
        more, bucket.left_out = bucket.left_out, 0
        self.logger.warning("%s%s", message, f" ({more} such lines left out)" if more else "")
