"""What waits for the server's task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from wasmgate.gateway.asgi.effects_queue import EffectsQueue

if TYPE_CHECKING:
    from wasmgate._native import Effects

FIRST, SECOND = cast("list[Effects]", ["first", "second"])


async def test_order() -> None:
    """What was put first is taken first."""
    queue = EffectsQueue()
    queue.put(FIRST)
    queue.put(SECOND)
    assert [await queue.get(), queue.take(), bool(queue)] == [FIRST, SECOND, False]


async def test_wakes_its_reader() -> None:
    """A reader that waits is woken."""
    queue = EffectsQueue()
    reader = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.put(FIRST)
    assert await reader == FIRST


async def test_filled_while_nobody_waited() -> None:
    """What was put before the reader came is there at once."""
    queue = EffectsQueue()
    queue.put(FIRST)
    assert queue.filled().done()
