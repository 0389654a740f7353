"""The user that policies found, for the app and for policies further in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest
from a2wsgi import WSGIMiddleware
from jose import jwt

from tests.asgi.placed import PLACES, ask, place
from tests.middleware.apps import respond
from tests.middleware.asgi_server import HOST, Connection, http_scope
from wasmgate import PolicyMiddleware, policies

if TYPE_CHECKING:
    from a2wsgi.wsgi_typing import Environ, StartResponse

    from wasmgate._asgi import ASGIApp, Receive, Scope, Send

SECRET = "0123456789abcdef0123456789abcdef"


def bearer(user: str) -> list[tuple[bytes, bytes]]:
    """Make the headers of a user's request."""
    token = jwt.encode({"sub": user, "exp": int(time.time()) + 60}, SECRET, algorithm="HS256")
    return [*HOST, (b"authorization", f"Bearer {token}".encode())]


def authenticated(app: ASGIApp) -> PolicyMiddleware:
    """Put `jwt_auth` around an app."""
    return PolicyMiddleware(
        app, policies=[policies.jwt_auth(algorithms=["HS256"], keys={"secret": SECRET})]
    )


async def names(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the user."""
    user = scope.get("wasmgate.user", "unknown")
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000, "reason": user})
        return
    await respond(send, 200, user.encode())


@pytest.mark.parametrize("user", ["alice", "J\u00fcrgen \U0001f600", 'a,b"c'])
async def test_the_app_gets_the_text(user: str) -> None:
    """With characters that a header could not carry."""
    answer = await ask(authenticated(names), headers=bearer(user))
    assert answer.body.decode() == user


async def test_a_websocket_app_gets_it_too() -> None:
    """From the handshake."""
    scope = http_scope(headers=bearer("alice"), type="websocket", scheme="ws")
    connection = await Connection(authenticated(names), scope, {"type": "websocket.connect"}).done()
    assert connection.sent[-1]["reason"] == "alice"


@pytest.mark.parametrize("name", [b"x-auth-user", b"x_auth_user", b"x-auth_user", b"X_AUTH-USER"])
async def test_a_wsgi_app_is_told_that_user_alone(name: bytes) -> None:
    """However a client spells the header that names another one."""

    def wsgi(environ: Environ, start: StartResponse) -> list[bytes]:
        start("200 OK", [("content-type", "text/plain")], None)
        return [cast("dict[str, str]", environ)["HTTP_X_AUTH_USER"].encode()]

    app = authenticated(cast("ASGIApp", WSGIMiddleware(wsgi)))
    answer = await ask(app, headers=[*bearer("alice"), (name, b"root")], extensions={})
    assert (answer.status, answer.body) == (200, b"alice")


async def test_a_limit_further_in_counts_by_the_user() -> None:
    """In another PolicyMiddleware: each user has a bucket, though all have one address."""
    limit = policies.rate_limit(limit="1/hour", key="user")
    app = authenticated(PolicyMiddleware(names, policies=[limit]))
    users = ("alice", "bob", "alice")
    assert [(await ask(app, headers=bearer(user))).status for user in users] == [200, 200, 429]


@pytest.mark.parametrize("where", PLACES)
async def test_policies_further_in_read_the_property(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """`wasmgate.user`, in an app and in a gateway."""
    caplog.set_level("INFO", "wasmgate.policy")
    inner = place(where, "request_headers: property wasmgate.user")
    await ask(authenticated(inner), headers=bearer("alice"))
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "wasmgate.user" in line] == [
        "request_headers: property wasmgate.user = alice"
    ]


async def test_without_one_there_is_no_key() -> None:
    """And a client cannot name one."""
    app = PolicyMiddleware(names, policies=[policies.rate_limit(limit="9/second")])
    answer = await ask(app, headers=[*HOST, (b"wasmgate.user", b"root")])
    assert answer.body == b"unknown"
