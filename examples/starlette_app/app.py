"""A Starlette app that streams, and one policy around all of it.

uvicorn app:app
curl -i http://127.0.0.1:8000/ticks -H "x-api-key: demo"
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute

from wasmgate import PolicyMiddleware, policies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.websockets import WebSocket

TICKS = 3


async def ticks(_: Request) -> StreamingResponse:
    """Send each tick when it is there: policies that look at no body let it pass at once."""

    async def each() -> AsyncIterator[str]:
        for number in range(TICKS):
            yield f"tick {number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(each(), media_type="text/plain")


async def echo(websocket: WebSocket) -> None:
    """Send back what comes; the handshake passed the policies like any request."""
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


app = Starlette(
    routes=[Route("/ticks", ticks), WebSocketRoute("/echo", echo)],
    middleware=[
        Middleware(
            PolicyMiddleware,
            policies=[policies.rate_limit(limit="5/minute", key={"header": "x-api-key"})],
        )
    ],
)
