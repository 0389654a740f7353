"""The event loop's part of its native connections: one descriptor and one timer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from wasmgate._native import Upstreams

if TYPE_CHECKING:
    from wasmgate._native import UpstreamGroup
    from wasmgate.upstream.limits import UpstreamLimits

__all__ = ["Engine"]


class Engine:
    """The connections to endpoints of one event loop; all clients of the loop share it.

    The loop keeps it, in its selector and its timers. It keeps nothing of the loop, so both go
    when the loop is closed.
    """

    def __init__(self) -> None:
        self._native = Upstreams()
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}  # by transaction
        self._turns = 0  # timers that were armed; the last one counts
        loop = asyncio.get_running_loop()
        self._loop = ref(loop)  # to ask which one runs is a system call (CPython 3.11)
        loop.add_reader(self._native.fileno(), self._turn)

    @staticmethod
    def current() -> Engine:
        """Return the engine of the running loop."""
        loop = asyncio.get_running_loop()
        engine = _ENGINES.get(loop)
        if engine is None:
            engine = _ENGINES[loop] = Engine()
        return engine

    def group(self, limits: UpstreamLimits, *, checked: bool) -> UpstreamGroup:
        """Return pools with these bounds; `checked`: hosts resolve to addresses that they may."""
        return self._native.group(limits.bounds, checked)

    async def changed(self, transaction: int) -> None:
        """Wait until something has happened with a transaction."""
        loop = self._loop() or asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        waiters = self._waiting.setdefault(transaction, [])
        waiters.append(waiter)
        try:
            await waiter
        finally:
            waiters.remove(waiter)
            if not waiters:
                self._waiting.pop(transaction, None)

    def _turn(self, *, timer: bool = False) -> None:
        changed, wait = self._native.turn(timer)
        for transaction in changed:
            for waiter in self._waiting.get(transaction, ()):
                if not waiter.done():
                    waiter.set_result(None)
        if wait is not None:
            # A handle would keep the loop, so a timer that comes too late is not cancelled.
            self._turns += 1
            asyncio.get_running_loop().call_later(wait, self._run_timer, self._turns)

    def _run_timer(self, turn: int) -> None:
        if turn == self._turns:
            self._turn(timer=True)


_ENGINES: WeakKeyDictionary[asyncio.AbstractEventLoop, Engine] = WeakKeyDictionary()
