"""How long policies may make a request wait, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate._asgi import problem

if TYPE_CHECKING:
    import asyncio

    from wasmgate._native import Stream
    from wasmgate.driver import Driver

__all__ = ["LATE", "Patience"]

LATE = problem(504, "Gateway Timeout", "a policy did not go on in time")


class Patience:
    """Wakes a stream when policies have made it wait for `timeout` seconds; None: never."""

    __slots__ = ("_deadline", "_driver", "_loop", "_stream", "_timeout", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, driver: Driver, stream: Stream, timeout: float | None
    ) -> None:
        self._loop = loop
        self._driver = driver
        self._stream = stream
        self._timeout = timeout
        self._timer: asyncio.TimerHandle | None = None
        self.restart()

    def restart(self) -> None:
        """Wait anew: what was waited for until now was not the policies."""
        self.end()
        if self._timeout is not None:
            self._deadline = self._loop.time() + self._timeout
            self._timer = self._loop.call_at(self._deadline, self._driver.wake, self._stream.id)

    @property
    def over(self) -> bool:
        """Whether that time has passed."""
        return self._timer is not None and self._loop.time() >= self._deadline

    def end(self) -> None:
        """Wake it no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
