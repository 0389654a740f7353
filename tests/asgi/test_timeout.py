"""A policy that pauses for ever is answered for after `timeout`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.middleware.apps import read, respond
from tests.middleware.asgi_server import HOST, Connection, http_scope, part
from tests.middleware.guests import guest
from wasmgate import ConfigError, PolicyMiddleware

if TYPE_CHECKING:
    from wasmgate._asgi import Receive, Scope, Send

PAUSES = ("request_headers", "request_body", "response_headers", "response_body")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the request's body, and its length."""
    body = await read(receive)
    await respond(send, 200, body, (b"content-length", b"%d" % len(body)))


@pytest.mark.parametrize("phase", PAUSES)
@pytest.mark.parametrize("framing", [(b"content-length", b"2"), (b"transfer-encoding", b"chunked")])
async def test_a_pause_ends_with_504(
    phase: str, framing: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """In every phase whose response has not begun; the log says so."""
    wrapped = PolicyMiddleware(app, policies=[guest(f"{phase}: pause")], timeout=0.05)
    scope = http_scope("POST", headers=[*HOST, framing])
    connection = await Connection(wrapped, scope, part(b"ab")).done()
    assert (connection.status, connection.complete) == (504, True)
    assert json.loads(connection.body)["detail"] == "a policy did not go on in time"
    assert "policies made a request wait for 0.05 s" in caplog.text


async def test_a_response_that_has_begun_is_cut() -> None:
    """Its head went to the client at once, as it announced no length."""

    async def streams(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, b"ab")

    wrapped = PolicyMiddleware(streams, policies=[guest("response_body: pause")], timeout=0.05)
    connection = await Connection(wrapped, http_scope(), part(b"")).done()
    assert [message["type"] for message in connection.sent] == ["http.response.start"]


async def test_a_policy_that_holds_that_answer_too_does_not_keep_the_client() -> None:
    """It is answered without the policies then."""
    holds = guest("request_headers: pause", "response_headers: pause")
    wrapped = PolicyMiddleware(app, policies=[holds], timeout=0.05)
    connection = await Connection(wrapped, http_scope(), part(b"")).done()
    assert (connection.status, connection.complete) == (504, True)


async def test_nothing_of_a_body_goes_before_a_head_that_is_held() -> None:
    """Also a chunk without bytes, which an app may send to flush its head."""

    async def flushes(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for body in (b"", b"", b"ab"):
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    for phase in ("response_headers: pause", "response_body: pause_until_end"):
        wrapped = PolicyMiddleware(flushes, policies=[guest(phase)], timeout=0.2)
        connection = await Connection(wrapped, http_scope(), part(b"")).done()
        assert connection.sent[0]["type"] == "http.response.start"
        assert connection.complete


async def test_a_handshake_ends_too() -> None:
    """With the response where the server can send one."""
    wrapped = PolicyMiddleware(app, policies=[guest("request_headers: pause")], timeout=0.05)
    scope = http_scope(type="websocket", scheme="ws", extensions={"websocket.http.response": {}})
    connection = await Connection(wrapped, scope, {"type": "websocket.connect"}).done()
    assert connection.status == 504


async def test_the_clients_and_the_apps_time_is_not_counted() -> None:
    """Only what policies alone make anybody wait for."""
    wrapped = PolicyMiddleware(app, policies=[guest("request_body: pause_until_end")], timeout=0.2)
    scope = http_scope("POST", headers=[*HOST, (b"transfer-encoding", b"chunked")])
    connection = Connection(wrapped, scope, part(b"a", more=True))
    with pytest.raises(TimeoutError):
        await connection.until(lambda: bool(connection.sent), within=0.5)
    connection.give(part(b"b"))
    await connection.done()
    assert (connection.status, connection.body) == (200, b"ab")


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_is_more_than_nothing(timeout: float) -> None:
    """None is for ever."""
    PolicyMiddleware(app, policies=[], timeout=None)
    with pytest.raises(ConfigError, match="timeout must be more than 0 seconds"):
        PolicyMiddleware(app, policies=[], timeout=timeout)
