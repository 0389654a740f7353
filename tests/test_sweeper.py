"""One timer for many time limits."""

from __future__ import annotations

import asyncio

from wasmgate.sweeper import Sweeper


async def test_the_function_is_called_again_until_it_returns_none() -> None:
    """After the seconds that it returned."""
    calls: list[float] = []
    done = asyncio.Event()

    def sweep(now: float) -> float | None:
        calls.append(now)
        if len(calls) < 3:
            return 0.0
        done.set()
        return None

    sweeper = Sweeper()
    sweeper.schedule(0.0, sweep)
    await done.wait()
    assert (len(calls), sweeper.idle) == (3, True)


async def test_the_sooner_of_two_calls_is_made() -> None:
    """A later one does not put it off."""
    done = asyncio.Event()

    def sweep(_now: float) -> float | None:
        done.set()
        return None

    sweeper = Sweeper()
    sweeper.schedule(3600.0, sweep)
    sweeper.schedule(0.0, sweep)
    sweeper.schedule(3600.0, sweep)
    async with asyncio.timeout(10):
        await done.wait()
    assert sweeper.idle


async def test_a_cancelled_call_is_not_made() -> None:
    """Nothing is due then."""
    calls: list[float] = []
    sweeper = Sweeper()
    sweeper.schedule(0.0, calls.append)
    sweeper.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (calls, sweeper.idle) == ([], True)
