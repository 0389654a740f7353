"""WebSocket handshakes pass the request-header phase, under a real server and a real client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.middleware.asgi_server import Connection, http_scope
from tests.middleware.guests import guest
from tests.middleware.uvicorn_server import served
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from tests.middleware.conftest import Said
    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send

CONNECT = {"type": "websocket.connect"}
LEFT = {"type": "websocket.disconnect", "code": 1005}


async def talk(websocket: WebSocket) -> None:
    """Say what the app saw of the handshake, then echo."""
    await websocket.accept()
    seen = f"{websocket.url.path}?{websocket.url.query} {websocket.headers.get('x-seen')}"
    await websocket.send_text(seen)
    async for text in websocket.iter_text():
        await websocket.send_text(text)


def chat(*program: str) -> ASGIApp:
    """Make an app with one WebSocket route behind a policy."""
    app = Starlette(routes=[WebSocketRoute("/{path:path}", talk)])
    app.add_middleware(PolicyMiddleware, policies=[guest(*program)])
    return app


async def test_an_allowed_handshake_reaches_the_app(said: Said) -> None:
    """Both ways; the stream ends with the connection."""
    async with served(chat()) as port, connect(f"ws://127.0.0.1:{port}/room?a=b") as websocket:
        assert await websocket.recv() == "/room?a=b None"
        await websocket.send("hello")
        assert await websocket.recv() == "hello"
        assert said.callbacks() == ["context_create", "request_headers"]
    assert said.callbacks()[2:] == ["done", "log", "delete"]


async def test_a_policy_rewrites_the_handshake() -> None:
    """Path, query and fields."""
    program = ("set request :path /other?c=d", "add request x-seen yes")
    app = chat(*(f"request_headers: {operation}" for operation in program))
    async with served(app) as port, connect(f"ws://127.0.0.1:{port}/room") as websocket:
        assert await websocket.recv() == "/other?c=d yes"


async def test_a_policy_denies_a_handshake_with_its_own_response() -> None:
    """Where the server has ASGI's extension for it, as uvicorn has."""
    async with served(chat("request_headers: respond 401 no-token x-a=1")) as port:
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{port}/room")
    response = caught.value.response
    assert (response.status_code, response.headers["x-a"], response.body) == (401, "1", b"no-token")


async def test_a_held_handshake_goes_on_by_a_tick() -> None:
    """As any request."""
    app = chat("configure: tick_period 10", "request_headers: pause", "tick: all resume request")
    async with served(app) as port, connect(f"ws://127.0.0.1:{port}/room") as websocket:
        assert await websocket.recv() == "/room? None"


def handshake(**more: Any) -> dict[str, Any]:  # noqa: ANN401 (values of a scope)
    """Make the scope of a handshake."""
    scope = {**http_scope(), "type": "websocket", "scheme": "ws", **more}
    del scope["method"]
    return scope


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail."""
    pytest.fail("the app was called")


async def test_without_the_extension_a_denied_handshake_is_closed() -> None:
    """The server makes a 403 of it."""
    app = PolicyMiddleware(never, policies=[guest("request_headers: respond 401 no")])
    connection = await Connection(app, handshake(), CONNECT).done()
    assert connection.sent == [{"type": "websocket.close", "code": 1008}]


async def test_a_policy_that_cuts_closes_the_handshake() -> None:
    """`proxy_close_stream`."""
    app = PolicyMiddleware(never, policies=[guest("request_headers: reset request")])
    scope = handshake(extensions={"websocket.http.response": {}})
    connection = await Connection(app, scope, CONNECT).done()
    assert connection.sent == [{"type": "websocket.close", "code": 1008}]


async def test_a_client_that_leaves_a_held_handshake_ends_it(said: Said) -> None:
    """The policy would have let it wait for ever."""
    app = PolicyMiddleware(never, policies=[guest("request_headers: pause")])
    connection = await Connection(app, handshake(), CONNECT, LEFT).done()
    assert connection.sent == []
    assert said.callbacks()[-3:] == ["done", "log", "delete"]


async def test_the_app_gets_the_messages_that_came_while_the_head_was_held() -> None:
    """In their order."""
    received = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.extend([await receive(), await receive(), await receive()])

    policy = guest(
        "configure: tick_period 10", "request_headers: pause", "tick: all resume request"
    )
    messages: list[Message] = [CONNECT, {"type": "websocket.receive", "text": "early"}, LEFT]
    await Connection(PolicyMiddleware(app, policies=[policy]), handshake(), *messages).done()
    assert received == messages


async def test_a_denial_that_another_policy_holds_is_sent_when_it_goes_on() -> None:
    """Head and body apart."""
    policies = [
        guest(
            "configure: tick_period 10",
            "response_body: pause",
            "tick: all resume response",
            name="holds",
        ),
        guest("request_headers: respond 401 no", name="denies"),
    ]
    scope = handshake(extensions={"websocket.http.response": {}})
    connection = await Connection(PolicyMiddleware(never, policies=policies), scope, CONNECT).done()
    assert (connection.status, connection.body) == (401, b"no")
    assert connection.sent[-1]["more_body"] is False
