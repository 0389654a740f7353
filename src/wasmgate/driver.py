"""What policies ask for outside of a request: log lines, ticks, callouts, streams to wake.

There is one driver for an event loop and a chain. It starts with the server, or with the first
exchange on the loop, because a mounted app gets no lifespan, and goes with the loop.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary, WeakSet, finalize, ref

from wasmgate._asgi import require_asyncio
from wasmgate.callouts.performer import CalloutEnvironment, Callouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate._asgi import Message
    from wasmgate._native import Chain, Effects, Exchange, Stream

__all__ = ["Driver", "Drivers", "log_level"]

_Waiters: TypeAlias = "dict[int, list[asyncio.Future[None]]]"

# By stream. All drivers of a loop share them: chains may share policies, and whichever driver a
# policy's answer comes to, it may wake the streams of every chain.
_WAITERS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiters] = WeakKeyDictionary()
# Effects for a driver that is gone go to another driver of the loop.
_DRIVERS: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[Driver]] = WeakKeyDictionary()
_LOGGER = logging.getLogger("wasmgate.policy")
_HTTP = logging.getLogger("wasmgate.http")  # what the host says itself, of no policy
# proxy-wasm's levels, trace to critical, as the logging module counts them.
_LEVELS = (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def log_level() -> int:
    """Return the lowest level, 0 (trace) to 5 (critical), that the policies' loggers show."""
    shown = _LOGGER.getEffectiveLevel()
    return next((number for number, level in enumerate(_LEVELS) if level >= shown), 5)


class Driver:
    """Performs what comes back beside a stream's own effects, on one event loop.

    The policies of `chain` are started in the loop's next turns, unless they run on this thread
    already, and have their turns in the background; `settings` say what callouts may reach.
    Callouts end with the driver.
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
        # Instances of this thread may be older than this loop, and tick already.
        self._schedule(0.0)

    def start(self) -> None:
        """Start all policies that do not run on this thread yet, before anything else happens."""
        self.apply(self._chain.start())

    def apply(self, effects: Effects) -> None:
        """Write log lines, begin and cancel callouts, wake streams, set the next tick's timer."""
        if not effects.noteworthy:
            return
        for policy, level, message in effects.logs:
            (_LOGGER.getChild(policy) if policy else _HTTP).log(_LEVELS[level], "%s", message)
        for callout in effects.callouts:
            self._callouts.start(callout)
        for number in effects.cancelled:
            self._callouts.cancel(number)
        for stream in effects.wake:
            self.wake(stream)
        if effects.timers:
            self._schedule(0.0)

    def close(self) -> None:
        """End all callouts: nothing of this driver is used any more."""
        self._callouts.end()

    def wake(self, stream: int) -> None:
        """Wake the tasks that wait for a stream; the first that looks learns how it goes on."""
        for waiter in self._waiters.get(stream, ()):
            if not waiter.done():
                waiter.set_result(None)

    def waiter(self, stream: int) -> asyncio.Future[None]:
        """Return a future that is done when the stream can go on; `forget` it afterwards.

        An app may receive in one task and send in another, so there may be several.
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
        """Wait until a stream that a policy paused goes on, and return how."""
        number = stream.id
        # The stream may have been woken before this waits.
        while (effects := stream.resume()) is None:
            waiter = self.waiter(number)
            try:
                await waiter
            finally:
                self.forget(number, waiter)
        return effects

    async def wait_or(
        self, stream: Stream, other: asyncio.Future[Message] | None
    ) -> Effects | None:
        """Wait until a stream goes on, and return how; None when it was woken or `other` is done.

        An `other` that is done already is not waited for.
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
            # Weakly held: an unused driver stops ticking.
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
    """End what a driver began that is gone; whichever thread finds that out."""
    if not callouts.loop.is_closed():
        callouts.loop.call_soon_threadsafe(callouts.end)


class Drivers:
    """The drivers of a chain, one an event loop."""

    def __init__(self, chain: Chain, settings: CalloutEnvironment | None = None) -> None:
        self._chain = chain
        self._settings = settings
        self._drivers: WeakKeyDictionary[asyncio.AbstractEventLoop, Driver] = WeakKeyDictionary()
        # The loop and the driver of the last call; most processes have one loop.
        self._last: tuple[Callable[[], object], Callable[[], Driver | None]] = (_nothing, _nothing)

    def current(self) -> Driver:
        """Return the running loop's driver. Raises ConfigError where asyncio does not run."""
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
