"""The timeout for policies that pause a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate._asgi import problem

if TYPE_CHECKING:
    from wasmgate._native import Stream
    from wasmgate.driver import Driver

__all__ = ["LATE", "PolicyTimeout"]

LATE = problem(504, "Gateway Timeout", "a policy did not go on in time")


class PolicyTimeout:
    """Wakes a stream that policies have paused for `timeout` seconds; None: never."""

    __slots__ = ("_deadline", "_driver", "_stream", "_timeout", "_timer")

    def __init__(self, driver: Driver, stream: Stream, timeout: float | None) -> None:
        self._driver = driver
        self._stream = stream
        self._timeout = timeout
        self._timer: asyncio.TimerHandle | None = None
        self.restart()

    def restart(self) -> None:
        """Restart the timer: the wait for the client or the app has ended."""
        self.cancel()
        if self._timeout is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.time() + self._timeout
            self._timer = loop.call_at(self._deadline, self._driver.wake, self._stream.id)

    @property
    def over(self) -> bool:
        """Whether the timeout has passed."""
        return self._timer is not None and asyncio.get_running_loop().time() >= self._deadline

    def cancel(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
