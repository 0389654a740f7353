"""When a stream ends, and what belongs to the app alone."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.middleware.apps import read, respond
from tests.middleware.asgi_server import DISCONNECT, Connection, get, http_scope, part
from tests.middleware.guests import guest
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.middleware.conftest import Said
    from wasmgate._asgi import Receive, Scope, Send

LOGGER = logging.getLogger("wasmgate.policy.app")


async def test_a_disconnect_ends_the_stream_and_the_app_goes_on(said: Said) -> None:
    """The app is told, and never cancelled: what it does afterwards is done."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        assert await receive() == DISCONNECT
        LOGGER.info("told")
        assert await receive() == DISCONNECT
        await asyncio.sleep(0)
        await respond(send, 200, b"late")
        LOGGER.info("done")

    middleware = PolicyMiddleware(app, policies=[guest()])
    await Connection(middleware, http_scope(), part(b""), DISCONNECT).done()
    assert said.callbacks()[-3:] == ["done", "log", "delete"]
    assert said.lines() == ["told", "done"]


async def test_background_tasks_run_after_the_streams_end(said: Said) -> None:
    """`on_done` comes with the last byte of the response."""

    def clean_up() -> None:
        LOGGER.log(5, "background")

    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello", background=BackgroundTask(clean_up))

    app = Starlette(routes=[Route("/", endpoint)])
    app.add_middleware(PolicyMiddleware, policies=[guest()])
    connection = await get(app)
    assert connection.body == b"hello"
    assert said.callbacks()[-4:] == ["done", "log", "delete", "background"]


async def test_context_variables_flow_both_ways() -> None:
    """The app runs in the server's own task."""
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = user.get().encode()
        user.set("of the app")
        await respond(send, 200, body)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        user.set("of the server")
        await PolicyMiddleware(app, policies=[guest()])(scope, receive, send)
        outcomes.append(user.get())

    outcomes: list[str] = []
    connection = await get(outer)
    assert (connection.body, outcomes) == (b"of the server", ["of the app"])


async def test_an_app_that_is_cancelled_by_its_server_ends_the_stream(said: Said) -> None:
    """A server that shuts down."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read(receive)
        LOGGER.info("waiting")
        await asyncio.Event().wait()

    connection = Connection(PolicyMiddleware(app, policies=[guest()]), http_scope(), part(b""))
    while not said.lines():
        await asyncio.sleep(0)
    connection.task.cancel()
    await asyncio.wait([connection.task])
    assert connection.task.cancelled()
    assert said.callbacks()[-3:] == ["done", "log", "delete"]


async def test_an_app_that_never_answers_ends_the_stream(said: Said) -> None:
    """When it returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    await get(PolicyMiddleware(app, policies=[guest()]))
    assert said.callbacks()[-3:] == ["done", "log", "delete"]
