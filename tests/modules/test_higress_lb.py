"""gpustack-lb and its opinions: an instance is chosen by session, by load, by share, or refused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.modules.balancing import ASKED, INSTANCES, ROUTED, balanced, chosen
from tests.modules.higress import Model, chat, plugin, posted
from tests.modules.redis_server import redis_server
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from pathlib import Path

    from tests.middleware.asgi_server import Connection
    from wasmgate import Policy
    from wasmgate._asgi import Message, Receive, Scope, Send

REDIS = "state.dns"

pytestmark = pytest.mark.timeout(300)


def by_session() -> Policy:
    """Prefer one instance for all requests of a session."""
    keys = [{"header": "session_id"}, {"bodyKey": "prompt_cache_key"}]
    return plugin("gpustack-lb-session-affinity", {"sessionKeys": keys})


def by_load() -> Policy:
    """Prefer the instance that has the fewest requests."""
    return plugin("gpustack-lb-least-load", {})


class SlowModel(Model):
    """Answers once it may."""

    def __init__(self) -> None:
        super().__init__(b"{}")
        self.may = asyncio.Semaphore(0)
        self.asked_once_more = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def later(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.asked_once_more.release()
                await self.may.acquire()
            await send(message)

        await super().__call__(scope, receive, later)


async def under_way(app: PolicyMiddleware, model: SlowModel) -> Connection:
    """Send a request, and return when the model has it."""
    connection = posted(app, json.dumps(ASKED).encode(), [ROUTED])
    await asyncio.wait_for(model.asked_once_more.acquire(), 20)
    return connection


async def test_a_session_stays_where_it_is() -> None:
    """And sessions are spread."""
    model = Model(b"{}")
    app = PolicyMiddleware(model, policies=balanced(by_session()))
    sessions = [b"%d" % number for number in range(12)]
    for session in sessions * 2:
        await chat(app, ASKED, [ROUTED, (b"session_id", session)])
    found = chosen(model)
    assert found[: len(sessions)] == found[len(sessions) :]
    assert set(found) == set(INSTANCES)


async def test_a_session_that_the_body_names() -> None:
    """Where there is no header; the body is held until it is whole."""
    model = Model(b"{}")
    app = PolicyMiddleware(model, policies=balanced(by_session()))
    for key in ("a", "b", "c", "d", "e", "f") * 2:
        await chat(app, ASKED | {"prompt_cache_key": key}, [ROUTED], to="/v1/responses")
    found = chosen(model)
    assert found[:6] == found[6:]
    assert len(set(found)) > 1


async def test_shares() -> None:
    """They come before all opinions."""
    model = Model(b"{}")
    app = PolicyMiddleware(model, policies=balanced(by_session(), weights=(0, 1, 0)))
    for session in (b"a", b"b", b"c"):
        await chat(app, ASKED, [ROUTED, (b"session_id", session)])
    assert chosen(model) == ["model-2-2.static"] * 3


async def test_load_is_spread() -> None:
    """What ends makes room; a client that leaves, too."""
    model = SlowModel()
    app = PolicyMiddleware(model, policies=balanced(by_load()))
    connections = [await under_way(app, model) for _ in range(6)]
    assert set(Counter(chosen(model)).values()) == {2}
    freed = chosen(model)[0]
    connections[0].task.cancel()
    await asyncio.wait([connections[0].task])
    connections.append(await under_way(app, model))
    assert chosen(model)[-1] == freed


@pytest.mark.parametrize("gateways", [1, 2])
async def test_no_instance_has_room(gateways: int, tmp_path: Path) -> None:
    """Where there is more than one gateway, they count in a Redis."""
    with redis_server(tmp_path) as port:
        redis, clusters = (REDIS, {REDIS: f"http://127.0.0.1:{port}"}) if gateways > 1 else ("", {})
        model = SlowModel()
        apps = [
            PolicyMiddleware(model, policies=balanced(most=1, redis=redis), clusters=clusters)
            for _ in range(gateways)
        ]
        connections = [await under_way(apps[number % gateways], model) for number in range(3)]
        assert set(chosen(model)) == set(INSTANCES)
        refused = await chat(apps[0], ASKED, [ROUTED])
        assert (refused.status, json.loads(refused.body)["error"]["code"]) == (429, 429)
        for _ in range(4):
            model.may.release()
        for connection in connections:
            assert (await connection.done()).status == 200
        async with asyncio.timeout(10):  # until the Redis has heard of the ends
            while (await chat(apps[-1], ASKED, [ROUTED])).status != 200:
                await asyncio.sleep(0.02)
