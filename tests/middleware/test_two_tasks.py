"""An app that receives in one task and sends in another, while policies hold both directions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.middleware.asgi_server import Connection, http_scope, part
from tests.middleware.guests import guest
from wasmgate import Limits, PolicyMiddleware

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send

POST = [(b"host", b"gate.test"), (b"transfer-encoding", b"chunked")]
HELD = ("configure: tick_period 10", "request_body: pause", "response_headers: pause")
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


def echoing(received: list[bytes]) -> ASGIApp:
    """Make an app that reads its request while it answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> None:
            more = True
            while more:
                message = await receive()
                received.append(message.get("body", b""))
                more = message.get("more_body", False)

        async def speak() -> None:
            await send(START)
            for letter in (b"x", b"y"):
                body = letter * 64
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"z"})

        await asyncio.gather(listen(), speak())

    return app


@pytest.mark.parametrize("first", ["request", "response"])
@pytest.mark.parametrize("body", [1 << 20, 100], ids=["roomy", "full"])
async def test_both_tasks_go_on(first: str, body: int) -> None:
    """Whichever of them is told first, it is told of the other's, too."""
    received: list[bytes] = []
    second = {"request": "response", "response": "request"}[first]
    wakes = (f"tick: all resume {first}", f"tick: all resume {second}")
    policy = guest(*HELD, *wakes, limits=Limits(body=body))
    app = PolicyMiddleware(echoing(received), policies=[policy])
    connection = Connection(app, http_scope("POST", headers=POST))
    connection.give(part(b"a" * 64, more=True))
    connection.give(part(b"b"))
    await connection.done()
    assert (b"".join(received), connection.body, connection.complete) == (
        b"a" * 64 + b"b",
        b"x" * 64 + b"y" * 64 + b"z",
        True,
    )


async def test_what_a_task_sends_stays_behind_what_policies_let_go() -> None:
    """A client that takes bytes slowly gets them in their order."""
    taken: list[Message] = []
    received: list[bytes] = []

    async def slow(message: Message) -> None:
        await asyncio.sleep(0.02)
        taken.append(message)

    policy = guest(*HELD, "tick: all resume request", "tick: all resume response")
    app = PolicyMiddleware(echoing(received), policies=[policy])
    messages = iter([part(b"a", more=True), part(b"b")])

    async def receive() -> Message:
        message = next(messages, None)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    await asyncio.wait_for(app(http_scope("POST", headers=POST), receive, slow), 10)
    assert taken[0]["type"] == "http.response.start"
    shown = b"".join(message.get("body", b"") for message in taken[1:])
    assert (b"".join(received), shown) == (b"ab", b"x" * 64 + b"y" * 64 + b"z")
