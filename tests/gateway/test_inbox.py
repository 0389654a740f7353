"""What waits for the server's task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from wasmgate.gateway.asgi.effects_queue import Inbox

if TYPE_CHECKING:
    from wasmgate._native import Effects

FIRST, SECOND = cast("list[Effects]", ["first", "second"])


async def test_order() -> None:
    """What was put first is taken first."""
    inbox = Inbox()
    inbox.put(FIRST)
    inbox.put(SECOND)
    assert [await inbox.get(), inbox.take(), bool(inbox)] == [FIRST, SECOND, False]


async def test_wakes_its_reader() -> None:
    """A reader that waits is woken."""
    inbox = Inbox()
    reader = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put(FIRST)
    assert await reader == FIRST


async def test_filled_while_nobody_waited() -> None:
    """What was put before the reader came is there at once."""
    inbox = Inbox()
    inbox.put(FIRST)
    assert inbox.filled().done()
