"""Performs the effects of policies beside their streams: log lines, ticks, callouts, wake-ups.

Each event loop has one driver for each chain. It starts with the server, or with the first exchange
on the loop, because a mounted app gets no lifespan, and ends with the loop.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary, WeakSet, finalize, ref

from wasmgate._asgi import require_asyncio
from wasmgate.callouts.performer import CalloutEnvironment, Callouts
from wasmgate.telemetry.policy_log import log_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate._asgi import Message
    from wasmgate._native import Chain, Effects, Exchange, Stream

__all__ = ["Driver", "Drivers"]

_Waiters: TypeAlias = "dict[int, list[asyncio.Future[None]]]"

# By stream. All drivers of a loop share them: chains may share policies, so an answer that one
# driver delivers may wake streams of another chain.
_WAITERS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiters] = WeakKeyDictionary()
# Effects for a driver that was dropped are performed by another driver of the loop.
_DRIVERS: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[Driver]] = WeakKeyDictionary()


class Driver:
    """Performs the effects of the policies of `chain` beside their streams, on one event loop.

    Policies that have no instance on this thread start in the loop's next turns; then they have
    their ticks. `settings` say what callouts may reach. Callouts end with the driver.
    """

    def __init__(self, chain: Chain, settings: CalloutEnvironment | None = None) -> None:
        self._chain = chain
        loop = asyncio.get_running_loop()
        self._waiters = _WAITERS.setdefault(loop, {})
        drivers = _DRIVERS.setdefault(loop, WeakSet())
        drivers.add(self)
        note = partial(_note, ref(self), drivers)
        self._callouts = Callouts(settings or CalloutEnvironment(), note)
        finalize(self, _end, self._callouts).atexit = False
        self._timer: asyncio.TimerHandle | None = None
        # Instances of this thread may be older than this loop and have a tick period.
        self._schedule(0.0)

    def start(self) -> None:
        """Start all policies that have no instance on this thread, at once."""
        self.apply(self._chain.start())

    def apply(self, effects: Effects) -> None:
        """Write log lines, start and cancel callouts, wake streams, set the timer of the tick."""
        if not effects.noteworthy:
            return
        for policy, level, message in effects.logs:
            log_line(policy, level, message)
        for callout in effects.callouts:
            self._callouts.start(callout)
        for number in effects.cancelled:
            self._callouts.cancel(number)
        for stream in effects.wake:
            self.wake(stream)
        if effects.timers:
            self._schedule(0.0)

    def deny(self, policy: str, upstream: str, reason: str) -> None:
        """Count that the address of a callout's upstream was refused; log it at times."""
        self._callouts.deny(policy, upstream, reason)

    def close(self) -> None:
        """Cancel all callouts; the driver is not used afterwards."""
        self._callouts.end()

    def wake(self, stream: int) -> None:
        """Wake the tasks that wait for a stream; the first that resumes it gets the effects."""
        for waiter in self._waiters.get(stream, ()):
            if not waiter.done():
                waiter.set_result(None)

    def waiter(self, stream: int) -> asyncio.Future[None]:
        """Return a future that is done when the stream can continue; `forget` it afterwards.

        An app may receive in one task and send in another, so a stream may have several.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(stream, []).append(waiter)
        return waiter

    def forget(self, stream: int, waiter: asyncio.Future[None]) -> None:
        """Stop waiting for a stream."""
        waiters = self._waiters[stream]
        waiters.remove(waiter)
        if not waiters:
            del self._waiters[stream]

    async def wait(self, stream: Stream | Exchange) -> Effects:
        """Wait until a stream that a policy paused continues, and return the effects."""
        number = stream.id
        # The stream may have been woken before this call.
        while (effects := stream.resume()) is None:
            waiter = self.waiter(number)
            try:
                await waiter
            finally:
                self.forget(number, waiter)
        return effects

    async def wait_or(
        self, stream: Stream | Exchange, other: asyncio.Future[Message] | None
    ) -> Effects | None:
        """Wait until a stream continues or `other` is done; return the effects, or None.

        Returns at once if `other` is done already.
        """
        effects = stream.resume()
        if effects is not None:
            return effects
        number = stream.id
        waiter = self.waiter(number)
        try:
            if other is None or other.done():
                await waiter
            else:
                await asyncio.wait((waiter, other), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.forget(number, waiter)
        return None

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        this = ref(self)

        def run() -> None:
            # Held weakly: an unused driver has no further ticks.
            if (driver := this()) is not None:
                driver._run()  # noqa: SLF001 (it is this class)

        self._timer = asyncio.get_running_loop().call_later(delay, run)

    def _run(self) -> None:
        self._timer = None
        delay, effects = self._chain.tick()
        self.apply(effects)
        if delay is not None and self._timer is None:
            self._schedule(delay)


def _note(this: ref[Driver], drivers: WeakSet[Driver], effects: Effects) -> None:
    driver = this() or next(iter(drivers), None)
    if driver is not None:
        driver.apply(effects)


def _end(callouts: Callouts) -> None:
    """Cancel the callouts of a dropped driver, on the driver's event loop."""
    if not callouts.loop.is_closed():
        callouts.loop.call_soon_threadsafe(callouts.end)


class Drivers:
    """The drivers of a chain, one for each event loop."""

    def __init__(self, chain: Chain, settings: CalloutEnvironment | None = None) -> None:
        self._chain = chain
        self._settings = settings
        self._drivers: WeakKeyDictionary[asyncio.AbstractEventLoop, Driver] = WeakKeyDictionary()
        # The loop and the driver of the last call; most processes have one loop.
        self._last: tuple[Callable[[], object], Callable[[], Driver | None]] = (_nothing, _nothing)

    def current(self) -> Driver:
        """Return the driver of the running loop. Raises ConfigError if asyncio does not run."""
        loop = require_asyncio()
        last_loop, last_driver = self._last
        if last_loop() is loop and (driver := last_driver()) is not None:
            return driver
        driver = self._drivers.get(loop)
        if driver is None:
            driver = self._drivers[loop] = Driver(self._chain, self._settings)
        self._last = ref(loop), ref(driver)
        return driver


def _nothing() -> None:
    return None
