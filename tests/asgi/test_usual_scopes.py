"""A scope in its usual form, which Rust reads and rewrites, becomes what Python makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gateway.heads import operations
from tests.middleware.asgi_server import Connection, http_scope, part
from tests.middleware.guests import guest
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmgate._asgi import Message, Receive, Scope, Send

PROGRAMS = [program for program in operations() if program.startswith("request_headers")]
FIELDS = [(b"x-a", b"1"), (b"x-id", b"7"), (b"x-a", b"2"), (b"te", b"gzip"), (b"x-b_c", b"3")]
NAMES = st.sampled_from([b"x-a", b"X-A", b"x-b", b"cookie", b"x_y", b"x-removed", b""])
TEXTS = st.sampled_from(["", "/", "/a", "/a/b", "/a%2Fb", "/a b", "/é", "/?", "*", "a"])
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=8)), max_size=12)
CHANGE = (
    "request_headers: remove request x-removed",
    "request_headers: add request x-new 1",
    "request_headers: set request x-b 2",
)


class Subclass(dict[str, Any]):
    """A dict that is not exactly one: Python reads it."""


async def passed(make: Callable[..., Any], scope: dict[str, Any], *program: str) -> Any:  # noqa: ANN401
    """Return what an app and a client see of a request with one policy, or the error."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message: Message = await receive()
        seen.append((dict(scope), message))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    middleware = PolicyMiddleware(app, policies=[guest(*program)] if program else [])
    given = make({**scope, "headers": list(scope["headers"])})
    try:
        connection = await Connection(middleware, given, part(b"abc")).done()
    except Exception as error:  # noqa: BLE001 (the same one is expected)
        return type(error), str(error), dict(given)
    return seen, connection.sent, dict(given)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_changed_head_is_written_into_both_kinds_of_scopes(
    artifacts: Path, program: str, method: str
) -> None:
    """Any change of a head gives the app the same scope, whatever reads it."""
    fields = [*FIELDS, (b"content-length", b"3")] if method == "POST" else FIELDS
    scope = http_scope(method, "/plain?q=1", fields)

    expected = await passed(Subclass, scope, program)

    assert expected == await passed(dict, scope, program)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changed=st.fixed_dictionaries(
        {},
        optional={
            "method": st.sampled_from(["GET", "PUT", "get", "G T", "", 1, "\ud800"]),
            "http_version": st.sampled_from(["1.0", "1", "1.1", "2", "3", "0.9", "1.7", None]),
            "scheme": st.sampled_from(["http", "https", "HTTP", "ws", "", None]),
            "path": TEXTS,
            "raw_path": st.one_of(TEXTS.map(str.encode), st.just(None)),
            "query_string": st.sampled_from([b"", b"a=1", b"?", b"%", "a"]),
            "root_path": st.sampled_from(["", "/a", "a/", None]),
            "client": st.sampled_from([None, ["::1", 1], ("h", None), ("h", "9"), "h", ("h", -1)]),
            "server": st.sampled_from([None, ("/run/socket", None), ["h", 80], ()]),
            "extensions": st.sampled_from([None, {}, {"a": {}}, {"tls": {}}, {"tls": None}, []]),
            "wasmgate.user": st.sampled_from([None, "ann", 1]),
        },
    ),
    headers=HEADERS,
    program=st.sampled_from([(), CHANGE]),
)
@example(changed={}, headers=FIELDS, program=CHANGE)
async def test_any_scope_is_read_alike(
    artifacts: Path, changed: dict[str, Any], headers: list[Any], program: tuple[str, ...]
) -> None:
    """Any values of a scope give the app the same scope, or the same error, whatever reads it."""
    scope = http_scope("GET", "/plain?q=1", headers) | changed

    expected = await passed(Subclass, scope, *program)

    assert expected == await passed(dict, scope, *program)


async def test_fields_that_no_policy_changed_are_the_objects_of_the_server(artifacts: Path) -> None:
    """A pair of the server that goes on unchanged is not copied."""
    pair = (b"x-kept", b"1")
    scope = http_scope("GET", "/", [(b"x-removed", b"1"), pair])

    seen, _, _ = await passed(dict, scope, *CHANGE)

    assert any(field is pair for field in seen[0][0]["headers"])
