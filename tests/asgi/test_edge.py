"""Requests as clients send them: what is refused or dropped before policies, in each place."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, cast

import pytest
from a2wsgi import WSGIMiddleware

from tests.asgi.placed import PLACES, ask, fields, place
from tests.middleware.asgi_server import HOST, Connection, http_scope
from tests.middleware.guests import guest
from wasmgate import ConfigError, PolicyMiddleware

if TYPE_CHECKING:
    from a2wsgi.wsgi_typing import Environ, StartResponse

    from wasmgate._asgi import ASGIApp

A, B = (b"host", b"a.test"), (b"host", b"b.test")
BEARER = (b"authorization", b"Bearer a")
REFUSED = {
    "two hosts": ("1.1", [A, B], "more than one Host field"),
    "two hosts that are the same": ("1.1", [A, A], "more than one Host field"),
    "two hosts in other case": ("1.1", [A, (b"Host", b"b.test")], "more than one Host field"),
    "two hosts in 1.0": ("1.0", [A, B], "more than one Host field"),
    "two hosts in 2": ("2", [A, B], "more than one Host field"),
    "one behind other fields, as from trailers": (
        "1.1",
        [A, (b"x-a", b"1"), (b"transfer-encoding", b"chunked"), B],
        "more than one Host field",
    ),
    "no host": ("1.1", [], "there is no Host field"),
    "an empty host": ("1.1", [(b"host", b"")], "the host is not a valid host name"),
    "a list in one field": ("1.1", [(b"host", b"a.test, b.test")], "not a valid host name"),
    "two credentials": ("1.1", [A, BEARER, BEARER], "more than one Authorization field"),
}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(("version", "headers", "detail"), REFUSED.values(), ids=REFUSED)
async def test_it_is_refused(
    where: str, version: str, headers: list[tuple[bytes, bytes]], detail: str
) -> None:
    """400 with the reason, and no policy sees it."""
    app = place(where, "request_headers: respond 200 seen")
    answer = await ask(app, headers=headers, http_version=version)
    problem = json.loads(answer.body)
    assert (answer.status, problem["status"], detail in problem["detail"]) == (400, 400, True)


@pytest.mark.parametrize("where", PLACES)
async def test_http_1_0_needs_no_host(where: str) -> None:
    """RFC 9112 section 3.2."""
    assert (await ask(place(where), headers=[], http_version="1.0")).status == 200


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("version", ["9.9", "4.0", "5.1", "9", "4"])
async def test_a_version_that_http_has_not_is_answered_505(where: str, version: str) -> None:
    """RFC 9110 section 15.6.6: a problem document, before any policy, for every request."""
    app = place(where, "request_headers: respond 200 seen")
    for headers in ([A], [A, B], []):
        answer = await ask(app, headers=headers, http_version=version)
        problem = json.loads(answer.body)
        assert (answer.status, problem["status"]) == (505, 505)
        assert problem["title"] == "HTTP Version Not Supported"


@pytest.mark.parametrize("where", PLACES)
async def test_a_body_in_an_unknown_version_is_not_waited_for(where: str) -> None:
    """The answer does not depend on a body that may never come."""
    made = http_scope("POST", http_version="9.9")
    assert (await Connection(place(where), made).done()).status == 505


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("version", ["0.9", "1", "1.0", "1.1", "1.7", "2", "2.0", "3", "3.0"])
async def test_a_version_that_http_has_is_served(where: str, version: str) -> None:
    """A higher minor version is served as the highest known one (RFC 9110 section 2.5)."""
    assert (await ask(place(where), http_version=version)).status == 200


async def test_a_handshake_in_an_unknown_version_is_denied() -> None:
    """With the response where the server can send one."""
    scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    made = http_scope(scheme="ws", http_version="9.9") | scope
    connection = Connection(place("middleware"), made, {"type": "websocket.connect"})
    assert (await connection.done()).status == 505


async def test_a_handshake_without_a_host_is_denied() -> None:
    """With the response where the server can send one."""
    scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    made = http_scope(scheme="ws") | {"headers": []} | scope
    connection = Connection(place("middleware"), made, {"type": "websocket.connect"})
    assert (await connection.done()).status == 400


def wsgi(environ: Environ, start: StartResponse) -> list[bytes]:
    """Answer with the user that a WSGI app believes in."""
    start("200 OK", [("content-type", "text/plain")], None)
    user = cast("dict[str, str]", environ).get("HTTP_X_AUTH_USER", "unknown")
    return [user.encode()]


@pytest.mark.parametrize("name", [b"x_auth_user", b"x-auth_user", b"X_Auth-User", b"x-auth-user"])
async def test_a_client_cannot_name_the_user_of_a_wsgi_app(name: bytes) -> None:
    """However it spells the header that a policy strips."""
    policy = guest(strip_request_headers=("x-auth-user",))
    app = PolicyMiddleware(cast("ASGIApp", WSGIMiddleware(wsgi)), policies=[policy])
    answer = await ask(app, headers=[*HOST, (name, b"root")], extensions={})
    assert answer.body == b"unknown"


@pytest.mark.parametrize("where", PLACES)
async def test_names_with_an_underscore_are_dropped_counted_and_logged_once(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line a minute for any input, without its values."""
    app = place(where)
    sent = [*HOST, (b"x_user", b"secret"), (b"content_length", b"9"), (b"x-user", b"me")]
    for _ in range(3):
        answer = await ask(app, headers=sent)
        assert (fields(answer, "x_user"), fields(answer, "x-user")) == ([], ["me"])
    records = [r for r in caplog.records if r.name == "wasmgate.http"]
    assert (app.dropped_headers, len(records), records[0].levelno) == (6, 1, logging.WARNING)
    assert 'dropped request header "x_user"' in records[0].getMessage()
    assert "secret" not in caplog.text


@pytest.mark.parametrize("where", PLACES)
async def test_a_held_head_goes_on_without_them(where: str) -> None:
    """Also when no policy changes anything else."""
    app = place(
        where, "configure: tick_period 10", "request_headers: pause", "tick: all resume request"
    )
    assert fields(await ask(app, headers=[*HOST, (b"x_user", b"1")]), "x_user") == []


@pytest.mark.parametrize("where", PLACES)
async def test_an_option_lets_them_pass(where: str) -> None:
    """`headers_with_underscores_action`."""
    app = place(where, headers_with_underscores_action="allow")
    answer = await ask(app, headers=[*HOST, (b"x_user", b"1")])
    assert (fields(answer, "x_user"), app.dropped_headers) == (["1"], 0)


def test_another_action_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ConfigError, match="must be an action, not 'drop'") as caught:
        place("middleware", headers_with_underscores_action="drop")
    assert caught.value.hint == 'write "drop_header" or "allow"'
