"""Redis calls of dialect 0.2.100."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import PING, Texts, caller
from tests.native.chain_request import Request, load
from wasmgate._native import Chain, deliver_close, deliver_grpc_metadata, deliver_response

if TYPE_CHECKING:
    from wasmgate._native import Effects, Host

HEADERS = "proxy_on_request_headers"


def performed(host: Host, texts: Texts, *parts: str, **options: int) -> Request:
    """Drive a request whose policy does all of this in the headers, and pauses."""
    module = caller(texts, HEADERS, " ".join(parts))
    net = ("redis.internal:6379", "cache")
    return Request(Chain([load(host, module, net=net, **options)]))  # type: ignore[arg-type]


def said(effects: Effects | None) -> list[str]:
    """Return the log lines of a delivery."""
    return [] if effects is None else [text for _, _, text in effects.logs]


def test_a_query_is_an_effect(host: Host) -> None:
    """With the login and the timeout of the server, as they were said last."""
    texts = Texts()
    request = performed(
        host,
        texts,
        texts.redis_init(password=b"old"),
        texts.redis_init(timeout=500),
        texts.redis_call(),
    )
    (call,) = request.callouts
    assert (call.kind, call.upstream, call.body) == ("redis", "redis.internal:6379", PING)
    assert (call.username, call.password, call.timeout) == ("user", "secret", 0.5)
    assert "secret" not in repr(call)
    assert request.said == ["init 0", "init 0", "asked 0 1"]


def test_the_response_reaches_the_policy(host: Host) -> None:
    """As the server sent it, in buffer 9; the stream goes on."""
    texts = Texts()
    request = performed(host, texts, texts.redis_init(), texts.redis_call())
    answer = deliver_response(request.callouts[0].id, [], b"+PONG\r\n", [])
    assert said(answer) == ["redis_call_response 0 7", r"buffer 9 0 +PONG\r\n"]
    assert request.resume().passed
    assert deliver_response(request.callouts[0].id, [], b"+PONG\r\n", []) is None


def test_a_failure_has_a_status_and_no_response(host: Host) -> None:
    """Redis is gone."""
    texts = Texts()
    request = performed(host, texts, texts.redis_init(), texts.redis_call())
    assert deliver_grpc_metadata(request.callouts[0].id, []) is None
    answer = deliver_close(request.callouts[0].id, 14, "gone")
    assert said(answer) == ["redis_call_response 1 0", "buffer 9 0 "]


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        (b"cache?db=3", "cache?db=3"),
        (b"cache?db=0", "cache"),
        (b"outbound|6379||redis.internal.dns?db=1", "redis.internal:6379?db=1"),
        (b"cache?db=2&buffer_flush_timeout=3", "cache?db=2"),
        (b"cache?buffer_flush_timeout=3&max_buffer_size_before_flush=1024", "cache"),
    ],
)
def test_a_server_has_databases(host: Host, named: bytes, reached: str) -> None:
    """As the SDK of Higress names them."""
    texts = Texts()
    request = performed(host, texts, texts.redis_init(named), texts.redis_call(named))
    assert request.callouts[0].upstream == reached


def test_the_database_may_be_named_by_the_login_alone(host: Host) -> None:
    """As the SDK of Higress does; the last login says which."""
    texts = Texts()
    named = [texts.redis_init(name) for name in (b"cache", b"cache?db=2", b"cache?db=3")]
    request = performed(host, texts, *named, texts.redis_call(b"cache"))
    assert request.callouts[0].upstream == "cache?db=3"


def test_a_query_before_the_login_is_a_bad_argument(host: Host) -> None:
    """And the log says what comes first."""
    texts = Texts()
    request = performed(host, texts, texts.redis_call())
    assert request.callouts == []
    assert "proxy_redis_init comes before proxy_redis_call" in request.said[0]
    assert request.said[1] == "asked 2 0"


def test_a_server_that_is_not_allowed_is_a_bad_argument(host: Host) -> None:
    """In both calls."""
    texts = Texts()
    request = performed(host, texts, texts.redis_init(b"other:1"), texts.redis_call(b"other:1"))
    assert request.callouts == []
    assert [text for text in request.said if "Denied" not in text] == ["init 2", "asked 2 0"]
    assert host.denials() == [("guest", "net", "other:1", 2)]


def test_a_database_without_a_number_is_a_bad_argument(host: Host) -> None:
    """Not the first one by accident."""
    texts = Texts()
    request = performed(host, texts, texts.redis_init(b"cache?db=x"))
    assert request.said[-1] == "init 2"


def test_a_query_beyond_the_limit_is_a_bad_argument(host: Host) -> None:
    """The limit `body`."""
    texts = Texts()
    request = performed(host, texts, texts.redis_init(), texts.redis_call(), body=10)
    assert (request.callouts, request.said[-1]) == ([], "asked 2 0")


def test_a_password_is_never_logged(host: Host) -> None:
    """Every refused call."""
    texts = Texts()
    request = performed(
        host,
        texts,
        texts.redis_init(b"other:1"),
        texts.redis_init(b"cache?db=x"),
        texts.redis_call(),
    )
    assert "secret" not in "".join(request.said)
    assert "secret" not in str(host.denials())
