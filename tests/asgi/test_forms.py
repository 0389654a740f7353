"""Every form of a scope or a message that ASGI allows gets the response of the usual form."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.asgi import forms
from tests.middleware.apps import read
from tests.middleware.asgi_server import Connection, http_scope, part
from tests.middleware.guests import MODULE, guest
from wasmgate import AsgiError, PolicyMiddleware
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send

FIELDS = [(b"host", b"gate.test"), (b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"4")]
SCOPE = http_scope("POST", "/a%2Fb/%C3%A9?q=1", FIELDS)
SCOPE["path"] = "/a/b/\u00e9"
ANSWER = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
PROGRAM = (
    "request_headers: add request x-seen yes",
    "request_body: body request 0 9",
    "response_headers: add response x-p 1",
    "response_body: body response 0 9",
)
EXAMPLES = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def seen(scope: Scope, receive: Receive) -> bytes:
    """Write down what an app saw; whether it is encoded is not known without raw_path."""
    fields = [(bytes(name).decode(), bytes(value).decode()) for name, value in scope["headers"]]
    body = (await read(receive)).decode()
    return json.dumps([scope["method"], scope["path"], fields, body]).encode()


def answering(messages: list[Message]) -> ASGIApp:
    """Make an app that shows what it saw as a header, and answers with messages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        shown = await seen(scope, receive)
        head, *rest = messages
        fields = [*(tuple(pair) for pair in head["headers"]), (b"x-shown", shown)]
        await send({**head, "headers": iter(fields)})
        for message in rest:
            await send(message)

    return app


def usual(connection: Connection) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return what a client gets."""
    fields = [(name.lower(), value) for name, value in connection.start["headers"]]
    return int(connection.status), fields, connection.body


async def ask(app: ASGIApp, scope: dict[str, Any], *messages: Message) -> Connection:
    """Send a request through an app and wait for its end."""
    return await Connection(app, scope, *messages).done()


@pytest.fixture(scope="module", autouse=True)
def _cache(artifacts: Path) -> Any:  # noqa: ANN401 (a fixture)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASMGATE_CACHE", str(artifacts))
        yield


@pytest.fixture(scope="module")
def around() -> Callable[[ASGIApp], ASGIApp]:
    """Put one policy, compiled once, around an app."""
    middleware = PolicyMiddleware(answering([]), policies=[guest(*PROGRAM)])

    def put(app: ASGIApp) -> ASGIApp:
        middleware.app = app
        return middleware

    return put


@given(
    scope=forms.scopes(SCOPE),
    request=forms.requests(b"abcd"),
    response=forms.responses(201, ANSWER, b"hello"),
)
@EXAMPLES
def test_around_an_app(
    around: Callable[[ASGIApp], ASGIApp],
    scope: dict[str, Any],
    request: list[Message],
    response: list[Message],
) -> None:
    """Both directions of PolicyMiddleware."""
    start: Message = {"type": "http.response.start", "status": 201, "headers": ANSWER}
    whole = answering([start, {"type": "http.response.body", "body": b"hello"}])
    expected = usual(asyncio.run(ask(around(whole), dict(SCOPE), part(b"abcd"))))
    assert usual(asyncio.run(ask(around(answering(response)), scope, *request))) == expected


async def shows(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what an app saw."""
    shown = await seen(scope, receive)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": shown})


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    """Make a gateway before an app that shows what it saw."""
    config = GatewayConfig.model_validate(
        {
            "policies": {"guest": {"module": str(MODULE), "configuration": "\n".join(PROGRAM)}},
            "clusters": {"site": {"endpoints": ["http://site.test"]}},
            "default_policies": ["guest"],
            "routes": [{"match": {"prefix": "/"}, "cluster": "site"}],
        }
    )
    return Gateway(config, transports={"site": httpx.ASGITransport(app=shows)})


@given(scope=forms.scopes(SCOPE), request=forms.requests(b"abcd"))
@EXAMPLES
def test_in_the_gateway(gateway: Gateway, scope: dict[str, Any], request: list[Message]) -> None:
    """The scope and the request of `Gateway`."""
    expected = usual(asyncio.run(ask(gateway, dict(SCOPE), part(b"abcd"))))
    assert usual(asyncio.run(ask(gateway, scope, *request))) == expected


NOT_ALLOWED: dict[str, list[Any]] = {
    "client": [("a",), ("a", 1, 2), "ab", 5, (b"a", 1), ("a", 1.0), ("a", -1), ("a", 65536),
               ("a", "x"), ("a", True)],
    "server": [("a",), [1, 2], object(), ("a", "-1")],
    "http_version": [1.1, b"1.1", "", None, "HTTP/1.1", "0", "1.", "1.10", "10.0", "2.", "9.",
                     "x.9", "1.1\n", "\u0669.\u0669"],
    "method": [b"GET", None, 5, "", "GET ", "G T", "GET\n", "GET\r\nx-a: b", "G\u00c9T", "G:T"],
    "scheme": ["", None, b"http", "a b", "http\n", "http:"],
    "path": [b"/", None, "/\ud800", 5],
    "raw_path": ["/", 5, [b"/"]],
    "query_string": ["q", None, 5],
    "root_path": [b"/a", None, 5],
    "headers": [None, 5, b"ab", "ab", [b"ab"], [(b"a",)], [(b"a", b"b", b"c")], [("a", b"b")],
                [(b"a", "b")], [(b"a", None)], [5], [(b"", b"b")], [(b":path", b"/b")]],
    "extensions": [5, ["tls"], {"tls": 5}],
}  # fmt: skip


@pytest.mark.parametrize("place", ["around", "gateway"])
@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in NOT_ALLOWED.items() for value in values]
)
def test_what_a_scope_may_not_be_is_named(
    request: pytest.FixtureRequest, place: str, key: str, value: object
) -> None:
    """The error says which field it was, and shows no header."""
    its = request.getfixturevalue(place)
    app = its(shows) if place == "around" else its
    with pytest.raises(AsgiError, match=rf"scope\['{key}'\]"):
        asyncio.run(ask(app, {**SCOPE, key: value}, part(b"")))


def test_a_missing_field_is_named(around: Callable[[ASGIApp], ASGIApp]) -> None:
    """One that has no default."""
    for key in ("path", "method"):
        scope = {name: value for name, value in SCOPE.items() if name != key}
        with pytest.raises(AsgiError, match=rf"scope\['{key}'\] must be a str, not None"):
            asyncio.run(ask(around(shows), scope, part(b"")))


@pytest.mark.parametrize("place", ["around", "gateway"])
@pytest.mark.parametrize("kind", [None, 5, b"http"])
def test_a_scope_without_a_type_is_named(
    request: pytest.FixtureRequest, place: str, kind: object
) -> None:
    """A type that is not text is as missing."""
    its = request.getfixturevalue(place)
    app = its(shows) if place == "around" else its
    with pytest.raises(AsgiError, match=r"scope\['type'\] must be a str"):
        asyncio.run(ask(app, {**SCOPE, "type": kind}, part(b"")))


START: Message = {"type": "http.response.start", "status": 200, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b""}
BAD_RESPONSES: list[tuple[str, list[Any]]] = [
    ("'status'", [{**START, "status": value}])
    for value in ("200", None, 200.0, True, 99, 1000, 70_000, -1)
] + [
    ("'headers'", [{**START, "headers": value}])
    for value in (None, 5, "ab", [b"ab"], [("a", b"b")], [(b"a", 5)], [(b"", b"b")],
                  [(b":status", b"204")])
] + [
    ("'trailers'", [{**START, "trailers": 1}]),
    ("'body'", [START, {**BODY, "body": "text"}]),
    ("'body'", [START, {**BODY, "body": None}]),
    ("'more_body'", [START, {**BODY, "more_body": "no"}]),
    ("'type'", [{}]),
    ("a message must be a dict, not None", [None]),
    ("a message must be a dict, not", [[]]),
    ("'type'", [{"type": 5}]),
    ("http.response.body came before", [BODY]),
    ("http.response.start came twice", [START, START]),
    ("http.response.body came after its last part", [{**START, "trailers": True}, BODY, BODY]),
    ("http.response.trailers came, and", [{"type": "http.response.trailers"}]),
    ("http.response.trailers came, and", [START, {"type": "http.response.trailers"}]),
    ("http.response.trailers came before the end",
     [{**START, "trailers": True}, {"type": "http.response.trailers"}]),
]  # fmt: skip


@pytest.mark.parametrize(("named", "messages"), BAD_RESPONSES)
def test_what_a_response_may_not_be_is_named(
    around: Callable[[ASGIApp], ASGIApp], named: str, messages: list[Message]
) -> None:
    """The app that sent it gets the error."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    with pytest.raises(AsgiError, match=named):
        asyncio.run(ask(around(app), dict(SCOPE), part(b"abcd")))


@pytest.mark.parametrize("place", ["around", "gateway"])
@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("'body'", {"type": "http.request", "body": "text"}),
        ("'more_body'", {"type": "http.request", "body": b"", "more_body": 1}),
        ("'type'", {"body": b""}),
        ("'type'", {"type": 5}),
        ("a message must be a dict, not None", None),
    ],
)
def test_what_a_request_may_not_be_is_named(
    request: pytest.FixtureRequest, place: str, named: str, message: Message
) -> None:
    """The server gets the error."""
    its = request.getfixturevalue(place)
    app = its(shows) if place == "around" else its
    with pytest.raises(AsgiError, match=named):
        asyncio.run(ask(app, dict(SCOPE), message))


@given(st.binary(min_size=1).map(lambda data: data.hex()))
@settings(max_examples=20, deadline=None)
def test_errors_show_no_secrets(around: Callable[[ASGIApp], ASGIApp], secret: str) -> None:
    """A header that is text is named, its value is not shown."""
    fields = [*FIELDS, (b"authorization", "Bearer " + secret * 9)]
    with pytest.raises(AsgiError, match="the value of b'authorization'") as caught:
        asyncio.run(ask(around(shows), {**SCOPE, "headers": fields}, part(b"abcd")))
    assert secret * 9 not in caught.value.diagnostics()


async def test_the_gateway_names_a_message_that_is_of_no_request(gateway: Gateway) -> None:
    """It is not taken for the end of the body."""
    with pytest.raises(AsgiError, match=r"'http\.disconnect', not 'websocket\.rece"):
        await ask(gateway, dict(SCOPE), {"type": "websocket.receive", "text": "a"})
