"""examples/starlette_app."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect

if TYPE_CHECKING:
    import httpx

Client = Callable[[Any], "httpx.AsyncClient"]


async def test_a_streamed_response_passes(app_of: Callable[[str], Any], client: Client) -> None:
    """All of it, with what is left of the limit in its head."""
    response = await client(app_of("starlette_app")).get("/ticks", headers={"x-api-key": "a"})
    assert response.text == "tick 0\ntick 1\ntick 2\n"
    assert response.headers["x-ratelimit-remaining"] == "4"


async def test_each_api_key_has_its_own_limit(app_of: Callable[[str], Any], client: Client) -> None:
    """The sixth request of one key is refused, the first of another is not."""
    app = app_of("starlette_app")
    async with client(app) as one:
        keys = ["a"] * 6 + ["b"]
        answers = [await one.get("/ticks", headers={"x-api-key": key}) for key in keys]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429, 200]


async def test_a_websocket_passes(
    app_of: Callable[[str], Any], serving: Callable[[Any], Any]
) -> None:
    """Its handshake is a request to the policies; its messages are not."""
    served = serving(app_of("starlette_app"))
    async with served as address, connect(f"ws://{address}/echo") as websocket:
        await websocket.send("hello")
        assert await websocket.recv() == "hello"
