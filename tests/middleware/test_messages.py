"""What passes between a server, the policies and an app, message by message."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.middleware.apps import echo, read, respond
from tests.middleware.asgi_server import (
    DISCONNECT,
    HOST,
    Connection,
    get,
    http_scope,
    part,
    post,
)
from tests.middleware.guests import guest
from wasmgate import Limits, PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.conftest import Said
    from wasmgate._asgi import Message, Receive, Scope, Send


def seen(connection: Connection) -> dict[str, Any]:
    """Return what the echoing app saw."""
    read: dict[str, Any] = json.loads(connection.body)
    return read


async def test_without_a_change_the_app_gets_the_servers_own_scope() -> None:
    """Nothing is copied."""
    scopes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await respond(send, 200, await read(receive))

    scope = http_scope()
    await Connection(PolicyMiddleware(app, policies=[guest()]), scope, part(b"")).done()
    assert scopes[0] is scope


async def test_a_policy_rewrites_the_request() -> None:
    """Method, path, query, host and fields."""
    program = (
        "set_fields request :method=PUT,:scheme=http,:authority=other.example,:path=/b%2Fc?d,x-a=1"
    )
    app = PolicyMiddleware(echo, policies=[guest(f"request_headers: {program}")])
    assert seen(await get(app, "/a?q", [(b"host", b"shop.example")])) == {
        "method": "PUT",
        "path": "/b/c",
        "raw_path": "/b%2Fc",
        "query": "d",
        "headers": [["host", "other.example"], ["x-a", "1"]],
        "body": "",
    }


async def test_a_scope_is_changed_in_place() -> None:
    """What the app writes into it later is there for those outside."""
    scope = http_scope(target="/a")
    app = PolicyMiddleware(echo, policies=[guest("request_headers: set request :path /b")])
    await Connection(app, scope, part(b"")).done()
    assert (scope["path"], scope["raw_path"]) == ("/b", b"/b")


async def test_a_policy_rewrites_the_response() -> None:
    """Status and fields."""
    program = ("set response :status 404", "remove response server", "add response x-a 1")
    policy = guest(*(f"response_headers: {operation}" for operation in program))
    connection = await get(PolicyMiddleware(echo, policies=[policy]))
    assert (connection.status, connection.start["headers"]) == (404, [(b"x-a", b"1")])


async def test_a_policy_rewrites_both_bodies() -> None:
    """Held back to their end, or not at all."""
    policy = guest(
        "request_body: pause_until_end",
        "request_body: set_body request 0 0 >",
        "response_body: set_body response 0 0 <",
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await read(receive))

    connection = await post(PolicyMiddleware(app, policies=[policy]), b"ab")
    assert connection.body == b"<>ab"


async def test_a_policy_answers_instead_of_the_app() -> None:
    """The app is never called; the type of a text and the length are added."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pytest.fail("the app was called")

    policy = guest("request_headers: respond 403 no x-a=1")
    connection = await get(PolicyMiddleware(app, policies=[policy]))
    assert connection.sent == [
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [
                (b"x-a", b"1"),
                (b"content-type", b"text/plain"),
                (b"content-length", b"2"),
            ],
        },
        {"type": "http.response.body", "body": b"no", "more_body": False},
    ]


async def test_a_policy_answers_when_it_sees_the_body() -> None:
    """The app, which waits for it, is told of a disconnect; what it sends goes nowhere."""
    bodies = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.append(await read(receive))
        await respond(send, 200, b"of the app")

    policy = guest("request_body: respond 403 no")
    chunked = http_scope("POST", headers=[*HOST, (b"transfer-encoding", b"chunked")])
    connection = Connection(PolicyMiddleware(app, policies=[policy]), chunked, part(b"ab"))
    await connection.done()
    assert (connection.status, connection.body, bodies) == (403, b"no", [b"(disconnected)"])


async def test_an_app_is_not_called_for_a_body_that_a_policy_answers() -> None:
    """Its length was announced, so it is looked at first."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pytest.fail("the app was called")

    policy = guest("request_body: respond 403 no")
    connection = await post(PolicyMiddleware(app, policies=[policy]), b"ab", b"cd")
    assert (connection.status, connection.body) == (403, b"no")


async def test_a_policy_replaces_the_apps_response() -> None:
    """What the app still sends goes nowhere."""
    policy = guest("response_headers: respond 502 replaced")
    connection = await get(PolicyMiddleware(echo, policies=[policy]))
    assert (connection.status, connection.body) == (502, b"replaced")
    assert connection.complete


async def test_a_response_that_cannot_be_replaced_any_more_is_cut() -> None:
    """The app's messages end without the last one, for which servers cut the connection."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"cd"})

    policy = guest("response_body: respond 502 late")
    connection = await get(PolicyMiddleware(app, policies=[policy]))
    assert [message["type"] for message in connection.sent] == ["http.response.start"]


async def test_a_body_over_the_limit_is_413() -> None:
    """While the app waits for it."""
    policy = guest("request_body: pause", limits=Limits(body=3))
    connection = await post(PolicyMiddleware(echo, policies=[policy]), b"ab", b"cd")
    assert connection.status == 413


@pytest.mark.parametrize(
    "program",
    [
        ["request_headers: add request x 1"],
        ["configure: tick_period 10", "request_headers: pause", "tick: all resume request"],
    ],
    ids=["changed", "held"],
)
async def test_a_request_without_a_body_gets_one_message(program: list[str]) -> None:
    """A second one would be a message too many."""
    messages: list[Message] = []
    got_one = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        messages.append(await receive())
        got_one.set()
        messages.append(await receive())

    middleware = PolicyMiddleware(app, policies=[guest(*program)])
    connection = Connection(middleware, http_scope(), part(b""))
    await got_one.wait()
    connection.give(DISCONNECT)
    await connection.done()
    assert messages == [part(b""), DISCONNECT]


async def test_an_exception_of_the_app_reaches_the_server(said: Said) -> None:
    """And the stream is ended."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("of the app")

    middleware = PolicyMiddleware(app, policies=[guest()])
    with pytest.raises(LookupError, match="of the app"):
        await get(middleware)
    assert said.callbacks()[-3:] == ["done", "log", "delete"]


async def test_lifespan_is_untouched() -> None:
    """The app gets the server's own callables."""
    calls = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append((scope, receive, send))

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        pytest.fail(f"sent {message}")

    scope: Scope = {"type": "lifespan"}
    await PolicyMiddleware(app, policies=[guest()])(scope, receive, send)
    assert calls == [(scope, receive, send)]


@pytest.mark.parametrize("extension", ["http.response.pathsend", "http.response.zerocopysend"])
async def test_ways_around_the_body_are_closed(extension: str) -> None:
    """Policies would not see what is sent; other extensions stay."""
    extensions = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        extensions.append(scope["extensions"])
        await respond(send, 200, b"")

    scope = http_scope(extensions={extension: {}, "http.response.push": {}})
    await Connection(PolicyMiddleware(app, policies=[guest()]), scope, part(b"")).done()
    assert extensions == [{"http.response.push": {}}]


async def test_trailers_pass_the_policies() -> None:
    """Where the server has them."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": 200, "trailers": True}
        await send(start)
        await send({"type": "http.response.body", "body": b"ab"})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})

    hold = "response_body: pause_until_end"
    for program in (["response_trailers: add response_trailers x 2"], [hold]):
        connection = await get(PolicyMiddleware(app, policies=[guest(*program)]))
        assert [m["type"].removeprefix("http.response.") for m in connection.sent] == [
            "start",
            "body",
            "trailers",
        ]
        assert (connection.body, connection.sent[1].get("more_body", False)) == (b"ab", False)
        assert (b"x-sum", b"1") in connection.sent[2]["headers"]


async def test_policies_run_in_order_and_in_reverse() -> None:
    """The first one is the outermost."""
    policies = [
        guest("response_headers: add response x-order first", name="first"),
        guest("response_headers: add response x-order second", name="second"),
    ]
    connection = await get(PolicyMiddleware(echo, policies=policies))
    order = [value for name, value in connection.start["headers"] if name == b"x-order"]
    assert order == [b"second", b"first"]


async def test_no_policies_let_everything_pass() -> None:
    """An empty list is a list."""
    connection = await post(PolicyMiddleware(echo, policies=[]), b"ab")
    assert (connection.status, seen(connection)["body"]) == (200, "ab")


async def test_a_server_without_raw_path_gets_its_path_encoded_for_policies() -> None:
    """`raw_path` is optional in ASGI."""
    scope = http_scope(target="/a b?c")
    del scope["raw_path"]
    policy = guest("request_headers: respond 200 -", "response_headers: get request :path")
    app = PolicyMiddleware(echo, policies=[guest("request_headers: set request x 1"), policy])
    assert (await Connection(app, scope, part(b"")).done()).status == 200


@pytest.mark.parametrize(("name", "got"), [("", "None"), ("orders", "orders")])
async def test_a_policy_reads_the_name_of_its_route(name: str, got: str, said: Said) -> None:
    """Where the app gives it one."""
    policy = guest("request_headers: property route_name")
    await get(PolicyMiddleware(echo, policies=[policy], route_name=name))
    assert said.lines() == [f"request_headers: property route_name = {got}"]
