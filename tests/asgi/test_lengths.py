"""A body that a policy changed never goes on with the length that was announced for it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.middleware.apps import read, respond
from tests.middleware.asgi_server import HOST, Connection, http_scope, part
from tests.middleware.guests import guest
from tests.places.placing import write
from wasmgate import Policy, PolicyMiddleware

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send

HOLDS = ("", "pause_until_end")
# What a policy does with a body: more, less, nothing, as long as before.
CHANGES = (
    "set_body {} 0 1000 much-longer",
    "set_body {} 0 1000 a",
    "set_body {} 0 1000 ",
    "set_body {} 0 4 wxyz",
    "set_body {} 0 0 more-",
    "set_body {} 9 0 -more",
)
SPLITS: tuple[list[bytes], ...] = ([b"abcd"], [b"ab", b"cd"], [b"", b"abcd"], [b"abcd", b""])
ALL = list(itertools.product(HOLDS, CHANGES, SPLITS))
# A policy that lets all parts pass but the last, to which it adds.
LATE = """(if (local.get $end) (then (drop (call $set_body
  (i32.const {}) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 4))))) (i32.const 0)"""


def policy(direction: str, hold: str, change: str) -> Any:  # noqa: ANN401 (a policy)
    """Make one that changes bodies of one direction and says nothing of their length."""
    phase = f"{direction}_body"
    lines = [f"{phase}: {line}" for line in (hold, change.format(direction)) if line]
    return guest(*lines)


def lengths(fields: list[tuple[bytes, bytes]]) -> list[int]:
    """Return the lengths that fields announce."""
    return [int(value) for name, value in fields if name == b"content-length"]


@pytest.mark.parametrize(("hold", "change", "parts"), ALL)
async def test_a_request(hold: str, change: str, parts: list[bytes]) -> None:
    """The app is told a true length or none; else the client gets 500, and the app no more."""
    seen: list[tuple[list[int], bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read(receive)
        seen.append((lengths(scope["headers"]), body))
        await respond(send, 200, b"")

    scope = http_scope("POST", headers=[*HOST, (b"content-length", b"4")])
    messages = [part(chunk, more=True) for chunk in parts[:-1]] + [part(parts[-1])]
    wrapped = PolicyMiddleware(app, policies=[policy("request", hold, change)])
    connection = await Connection(wrapped, scope, *messages).done()
    ((announced, body),) = seen
    if connection.status == 200:
        assert announced in ([], [len(body)])
    else:
        assert (connection.status, body.endswith(b"(disconnected)")) == (500, True)
        assert b"changed the length of the body" in connection.body
    if hold:
        assert connection.status == 200


@pytest.mark.parametrize(("hold", "change", "parts"), ALL)
@pytest.mark.parametrize("answer", [200, 404])
async def test_a_response(hold: str, change: str, parts: list[bytes], answer: int) -> None:
    """The client is told a true length or none; else the response is cut."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": answer}
        await send({**start, "headers": [(b"content-length", b"4")]})
        for number, chunk in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    wrapped = PolicyMiddleware(app, policies=[policy("response", hold, change)])
    connection = await Connection(wrapped, http_scope(), part(b"")).done()
    announced = lengths(connection.start["headers"])
    if connection.complete:
        assert announced in ([], [len(connection.body)])
    else:
        assert len(connection.body) <= announced[0]
    if hold:
        assert (connection.complete, connection.status) == (True, answer)


async def test_a_request_that_cannot_be_mended_is_500(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app read a part of it already; the log says both lengths and what to do."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await read(receive))

    late = Policy(write(tmp_path, request_body=LATE.format(0)), name="late")
    scope = http_scope("POST", headers=[*HOST, (b"content-length", b"4")])
    messages = [part(b"ab", more=True), part(b"cd")]
    connection = await Connection(PolicyMiddleware(app, policies=[late]), scope, *messages).done()
    assert (connection.status, connection.complete) == (500, True)
    assert b"a policy changed the length of the body after it was announced" in connection.body
    (record,) = [r for r in caplog.records if r.name == "wasmgate.middleware"]
    assert "8 bytes instead of 4; a policy that changes bodies removes" in record.getMessage()


async def test_a_response_that_cannot_be_mended_is_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its head is gone, so all that is left is a line of the log."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        fields = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"cd"})

    late = Policy(write(tmp_path, response_body=LATE.format(1)), name="late")
    wrapped = PolicyMiddleware(app, policies=[late])
    connection = await Connection(wrapped, http_scope(), part(b"")).done()
    assert (connection.body, connection.complete) == (b"ab", False)
    (record,) = [r for r in caplog.records if r.name == "wasmgate.middleware"]
    assert "8 bytes instead of 4; the response is cut" in record.getMessage()


async def test_a_length_is_left_alone_when_no_policy_looks_at_bodies() -> None:
    """Also one that is wrong: it is the app's, and the server judges it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, b"ab", (b"content-length", b"9"))

    connection = await Connection(
        PolicyMiddleware(app, policies=[guest("request_headers: add request x-a 1")]),
        http_scope(),
        part(b""),
    ).done()
    assert (lengths(connection.start["headers"]), connection.body) == ([9], b"ab")


async def test_a_policy_that_removes_the_length_gets_a_coding_for_it() -> None:
    """Without either there would be no body in HTTP/1 (RFC 9112 section 6.3)."""
    fields: list[list[tuple[bytes, bytes]]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        fields.append(scope["headers"])
        await respond(send, 200, await read(receive))

    wrapped: ASGIApp = PolicyMiddleware(
        app,
        policies=[
            guest(
                "request_headers: remove request content-length",
                "request_body: set_body request 0 0 more",
            )
        ],
    )
    scope = http_scope("POST", headers=[*HOST, (b"content-length", b"4")])
    connection = await Connection(wrapped, scope, part(b"abcd")).done()
    assert connection.body == b"moreabcd"
    assert fields == [[*HOST, (b"transfer-encoding", b"chunked")]]
