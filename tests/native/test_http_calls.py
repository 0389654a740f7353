"""HTTP calls that policies make: what goes out, what comes back, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import GET, HEADS, Texts, caller
from tests.native.chain_request import Request, load
from wasmgate._native import Chain, deliver_close, deliver_response

if TYPE_CHECKING:
    from wasmgate._native import Effects, Host

HEADERS = "proxy_on_request_headers"
RESPONSE = [(b":status", b"200"), (b"x-user", b"ada")]


def said(effects: Effects | None) -> list[str]:
    """Return the log lines of a delivery."""
    return [] if effects is None else [text for _, _, text in effects.logs]


def chain(host: Host, call: str, texts: Texts, *, callback: str = HEADERS) -> Chain:
    """Make a chain of one guest that makes a call, and may reach `auth`."""
    return Chain([load(host, caller(texts, callback, call), net=("auth", "auth.internal:80"))])


def asking(host: Host, **call: object) -> Request:
    """Drive a request whose policy makes a call in the headers and pauses."""
    texts = Texts()
    return Request(chain(host, texts.http_call(**call), texts))  # type: ignore[arg-type]


def test_a_call_is_an_effect(host: Host) -> None:
    """With everything that the policy gave; its stream waits."""
    request = asking(host, body=b"body", trailers=((b"x-t", b"1"),), timeout=1500)
    (call,) = request.callouts
    assert (call.kind, call.policy, call.upstream, call.timeout) == ("http", "guest", "auth", 1.5)
    assert call.headers == list(GET)
    assert (call.body, call.trailers) == (b"body", [(b"x-t", b"1")])
    assert request.said == ["asked 0 1"]
    assert not request.passed


def test_the_answer_reaches_the_policy_and_its_stream_goes_on(host: Host) -> None:
    """Headers in map 6, the body in buffer 4, trailers in map 7, the code as the status."""
    request = asking(host)
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"welcome", [(b"x-sum", b"7")])
    assert said(answer) == [
        "http_call_response 2 7 1",
        "map 6 0 ada",
        "buffer 4 0 welcome",
        "map 7 0 7",
        "status 0 ",
        "code 200",
    ]
    assert answer is not None
    assert set(answer.wake) == {request.stream.id}
    assert request.resume().passed


def test_a_failure_is_zero_headers(host: Host) -> None:
    """And a status that says why."""
    request = asking(host)
    answer = deliver_close(request.callouts[0].id, 14, "connection refused")
    assert said(answer) == [
        "http_call_response 0 0 0",
        "map 6 1 ",
        "buffer 4 0 ",
        "map 7 1 ",
        "status 0 connection refused",
        "code 503",
    ]
    assert request.resume().passed


def test_a_timeout_of_zero_is_the_default(host: Host) -> None:
    """And a very long one is ten minutes."""
    assert asking(host, timeout=0).callouts[0].timeout == 10.0
    assert asking(host, timeout=0xFFFF_FFFF).callouts[0].timeout == 600.0


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        (b"outbound|80||auth", "auth"),
        (b"outbound|80||auth.internal.dns", "auth.internal:80"),
        (b"outbound|80||auth.internal.static", "auth.internal:80"),
        (b"AUTH.internal:80", "auth.internal:80"),
    ],
)
def test_an_upstream_is_the_entry_that_allows_it(host: Host, named: bytes, reached: str) -> None:
    """Also in the words of Envoy and Higress."""
    assert asking(host, upstream=named).callouts[0].upstream == reached


def test_an_upstream_that_is_not_allowed_is_a_bad_argument(host: Host) -> None:
    """With one line and a count."""
    request = asking(host, upstream=b"other")
    assert request.callouts == []
    line = "PermissionDenied: policy 'guest' may not reach 'other' (capability net)"
    assert request.said == [line, "asked 2 0"]
    assert host.denials() == [("guest", "net", "other", 1)]


@pytest.mark.parametrize("missing", [b":method", b":path", b":authority"])
def test_a_call_without_a_pseudo_header_is_a_bad_argument(host: Host, missing: bytes) -> None:
    """And the log says which one."""
    request = asking(host, headers=tuple(field for field in GET if field[0] != missing))
    assert request.callouts == []
    assert request.said[0].endswith(f"its headers have no `{missing.decode()}`")
    assert request.said[1] == "asked 2 0"


@pytest.mark.parametrize("field", [(b"x\n", b"1"), (b"x", b"1\r\nx-other: 2"), (b"", b"1")])
def test_a_field_that_breaks_a_request_is_a_bad_argument(
    host: Host, field: tuple[bytes, bytes]
) -> None:
    """Nothing can be smuggled into what is sent."""
    request = asking(host, headers=(*GET, field))
    assert (request.callouts, request.said[-1]) == ([], "asked 2 0")


def test_a_body_beyond_the_limit_is_a_bad_argument(host: Host) -> None:
    """The limit `body` of the policy."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.http_call(body=b"x" * 200))
    allowed = Request(Chain([load(host, module, net=("auth",), body=1000)]))
    assert len(allowed.callouts) == 1
    refused = Request(Chain([load(host, module, net=("auth",), body=199)]))
    assert (refused.callouts, refused.said[-1]) == ([], "asked 2 0")


def test_headers_beyond_the_limit_are_a_bad_argument(host: Host) -> None:
    """The limits `headers` and `header_bytes`."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.http_call(headers=(*GET, (b"x", b"y" * 300))))
    chain = Chain([load(host, module, net=("auth",), header_bytes=200)])
    request = Request(chain)
    assert (request.callouts, request.said[-1]) == ([], "asked 2 0")


def test_a_stream_makes_so_many_calls_and_no_more(host: Host) -> None:
    """INTERNAL_FAILURE for the 33rd; an answer makes room."""
    texts = Texts()
    many = f"""(loop $again {texts.http_call()}
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (global.get $n) (i32.const 33))))"""
    request = Request(chain(host, many, texts))
    assert len(request.callouts) == 32
    assert "32 callouts of this stream are under way" in "".join(request.said)
    assert request.said[-1] == "asked 10 32"


def test_an_answer_is_read_in_its_callback_alone(host: Host) -> None:
    """Before and after it the map is absent."""
    texts = Texts()
    read = texts.show(
        "buffer",
        "(call $buffer (i32.const 4) (i32.const 0) (i32.const 9) (i32.const 128) (i32.const 132))",
    )
    body = f"(global.set $asked (local.get $context)) {read} (i32.const 0)"
    later = f'(func (export "proxy_on_response_headers") {HEADS} {body})'
    module = caller(texts, HEADERS, texts.http_call() + read, later)
    request = Request(Chain([load(host, module, net=("auth",))]))
    deliver_response(request.callouts[0].id, RESPONSE, b"welcome", [])
    request.resume().response(200)
    assert [text for text in request.said if text.startswith("buffer")] == ["buffer 1 "] * 2


def test_an_answer_that_comes_twice_is_ignored(host: Host) -> None:
    """So is one of an unknown callout, and one of another kind."""
    request = asking(host)
    number = request.callouts[0].id
    assert deliver_response(number + 1000, RESPONSE, b"", []) is None
    assert deliver_response(number, RESPONSE, b"", []) is not None
    assert deliver_response(number, RESPONSE, b"", []) is None
    assert deliver_close(number, 14, "late") is None


def test_a_policy_without_the_callback_goes_on_waiting(host: Host) -> None:
    """Nothing is told, and nothing is left."""
    texts = Texts()
    call = texts.http_call()
    module = caller(texts, HEADERS, call)
    module = module.replace(b"proxy_on_http_call_response", b"proxy_on_http_call_respons_")
    request = Request(Chain([load(host, module, net=("auth",))]))
    assert deliver_response(request.callouts[0].id, RESPONSE, b"", []) is None
    assert request.close().cancelled == []
