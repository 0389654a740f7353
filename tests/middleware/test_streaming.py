"""Streaming both ways: nothing waits for an end unless a policy asks for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.middleware.apps import chatter, read, respond
from tests.middleware.asgi_server import DISCONNECT, Connection, http_scope, part
from tests.middleware.guests import guest
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.conftest import Said
    from wasmgate._asgi import Message, Receive, Scope, Send

POST = [(b"host", b"gate.test"), (b"transfer-encoding", b"chunked")]
RESUMED_BY_A_TICK = ("configure: tick_period 10", "tick: all resume request")


@pytest.mark.parametrize(
    "program",
    [[], ["request_body: body request 0 99", "response_body: body response 0 99"]],
    ids=["untouched", "looked at"],
)
async def test_each_part_passes_before_the_next_one_is_there(program: list[str]) -> None:
    """In both directions: the test gives a part only when the one before was answered."""
    connection = Connection(
        PolicyMiddleware(chatter, policies=[guest(*program)]), http_scope("POST", headers=POST)
    )
    for number in range(1, 4):
        connection.give(part(b"a" * number, more=True))
        expected = b"A" * sum(range(1, number + 1))
        await connection.until(lambda expected=expected: connection.body == expected)  # type: ignore[misc]
    connection.give(part(b"z"))
    await connection.done()
    assert (connection.body, connection.complete) == (b"AAAAAAZ", True)


async def test_a_policy_that_waits_for_the_end_gets_it_all_at_once() -> None:
    """The app gets one part."""
    parts: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        parts.append(await receive())
        await respond(send, 200, b"")

    policy = guest("request_body: pause_until_end")
    messages = [part(b"a", more=True), part(b"b", more=True), part(b"c")]
    scope = http_scope("POST", headers=POST)
    await Connection(PolicyMiddleware(app, policies=[policy]), scope, *messages).done()
    assert parts == [part(b"abc")]


async def test_a_held_head_goes_on_by_a_tick_with_its_body() -> None:
    """The driver ticks; what came meanwhile follows."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await read(receive))

    policy = guest(*RESUMED_BY_A_TICK, "request_headers: pause")
    scope = http_scope("POST", headers=POST)
    messages = [part(b"ab", more=True), part(b"cd")]
    connection = Connection(PolicyMiddleware(app, policies=[policy]), scope, *messages)
    await connection.done()
    assert (connection.status, connection.body) == (200, b"abcd")


async def test_a_held_body_goes_on_by_a_tick() -> None:
    """While the app waits for it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await read(receive))

    policy = guest(*RESUMED_BY_A_TICK, "request_body: pause")
    scope = http_scope("POST", headers=POST)
    connection = Connection(PolicyMiddleware(app, policies=[policy]), scope, part(b"ab"))
    await connection.done()
    assert connection.body == b"ab"


@pytest.mark.parametrize("held", ["response_headers", "response_body"])
async def test_a_held_response_goes_on_by_a_tick(held: str) -> None:
    """After the app has sent all of it."""
    policy = guest("configure: tick_period 10", "tick: all resume response", f"{held}: pause")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, b"ab")

    scope = http_scope()
    connection = Connection(PolicyMiddleware(app, policies=[policy]), scope, part(b""))
    await connection.done()
    assert (connection.status, connection.body, connection.complete) == (200, b"ab", True)


async def test_a_tick_can_answer_a_held_request() -> None:
    """`send_local_response` from outside of the stream's callbacks."""
    policy = guest(
        "configure: tick_period 10", "request_headers: pause", "tick: all respond 504 late"
    )
    connection = Connection(PolicyMiddleware(chatter, policies=[policy]), http_scope(), part(b""))
    await connection.done()
    assert (connection.status, connection.body) == (504, b"late")


@pytest.mark.parametrize("held", ["request_headers", "request_body"])
async def test_a_client_that_leaves_a_held_request_ends_it(said: Said, held: str) -> None:
    """The policy would have let it wait for ever."""
    policy = guest(f"{held}: pause")
    scope = http_scope("POST", headers=POST)
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.append(await receive())

    connection = Connection(
        PolicyMiddleware(app, policies=[policy]), scope, part(b"ab"), DISCONNECT
    )
    await connection.done()
    assert said.callbacks()[-3:] == ["done", "log", "delete"]
    assert received == ([] if held == "request_headers" else [DISCONNECT])


async def test_a_client_that_leaves_a_held_response_ends_it(said: Said) -> None:
    """The app has sent all of it, and is not kept waiting."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await read(receive))

    policy = guest("response_body: pause")
    scope = http_scope()
    connection = Connection(PolicyMiddleware(app, policies=[policy]), scope, part(b""), DISCONNECT)
    await connection.done()
    assert said.callbacks()[-3:] == ["done", "log", "delete"]


async def test_an_app_that_waits_for_a_disconnect_ends_a_held_response(said: Said) -> None:
    """As streaming responses do: one task receives while another one sends."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await respond(send, 200, b"ab")
        assert await waiting == DISCONNECT

    policy = guest("response_body: pause")
    connection = Connection(PolicyMiddleware(app, policies=[policy]), http_scope(), part(b""))
    await connection.until(lambda: bool(connection.sent))
    connection.give(DISCONNECT)
    await connection.done()
    assert said.callbacks()[-3:] == ["done", "log", "delete"]


@pytest.mark.parametrize(
    "program", [[], [*RESUMED_BY_A_TICK, "request_body: pause"]], ids=["untouched", "held"]
)
async def test_an_app_that_gives_up_receiving_loses_nothing(program: list[str]) -> None:
    """What comes after a cancelled `receive` is for the next one."""
    given_up = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        given_up.set()
        await respond(send, 200, await read(receive))

    middleware = PolicyMiddleware(app, policies=[guest(*program)])
    connection = Connection(middleware, http_scope("POST", headers=POST))
    await given_up.wait()
    connection.give(part(b"ab"))
    await connection.done()
    assert connection.body == b"ab"


async def test_an_app_that_gives_up_on_a_held_body_can_ask_again() -> None:
    """The policy lets it go later."""
    gave_up = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        waiting = asyncio.ensure_future(receive())
        await gave_up.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        await respond(send, 200, await read(receive))

    policy = guest("configure: tick_period 10", "tick: all resume request", "request_body: pause")
    scope = http_scope("POST", headers=POST)
    connection = Connection(PolicyMiddleware(app, policies=[policy]), scope, part(b"ab"))
    for _ in range(3):
        await asyncio.sleep(0)
    gave_up.set()
    await connection.done()
    assert connection.body == b"ab"
