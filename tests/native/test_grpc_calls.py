"""gRPC calls and streams that policies make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import Texts, caller
from tests.native.chain_request import Request, load
from wasmgate._native import (
    Chain,
    deliver_close,
    deliver_grpc_metadata,
    deliver_grpc_trailers,
    deliver_response,
)

if TYPE_CHECKING:
    from wasmgate._native import Effects, Host

HEADERS = "proxy_on_request_headers"
SEND = "(call $send (global.get $call) (i32.const 256) (i32.const 4) (i32.const {}))"
CLOSE = "(call $close (global.get $call))"
CANCEL = "(call $cancel (global.get $call))"


def said(effects: Effects | None) -> list[str]:
    """Return the log lines of a delivery."""
    return [] if effects is None else [text for _, _, text in effects.logs]


def performed(host: Host, texts: Texts, *parts: str) -> Request:
    """Drive a request whose policy does all of this in the headers, and pauses."""
    module = caller(texts, HEADERS, " ".join(parts))
    return Request(Chain([load(host, module, net=("auth", "auth.internal:80"))]))


def called(host: Host, **call: object) -> Request:
    """Drive a request whose policy makes a gRPC call."""
    texts = Texts()
    return performed(host, texts, texts.grpc_call(**call))  # type: ignore[arg-type]


def streamed(host: Host, *operations: str) -> Request:
    """Drive a request whose policy opens a gRPC stream and logs what each operation got."""
    texts = Texts()
    opened = texts.grpc_stream()
    return performed(host, texts, opened, *(texts.say("got", its) for its in operations))


def kinds(request: Request) -> list[str]:
    """Return the kinds of the callouts, in their order."""
    return [callout.kind for callout in request.callouts]


def test_a_call_is_an_effect(host: Host) -> None:
    """With everything that the policy gave."""
    (call,) = called(host).callouts
    assert (call.kind, call.upstream, call.service, call.method, call.timeout) == (
        "grpc",
        "auth",
        "a.Service",
        "Check",
        1.5,
    )
    assert (call.headers, call.body) == ([(b"x-a", b"1")], b"message")


def test_the_message_is_the_whole_answer_of_a_call(host: Host) -> None:
    """As in Envoy: no metadata, and no close behind it."""
    request = called(host)
    number = request.callouts[0].id
    assert deliver_grpc_metadata(number, [(b"x-m", b"1")]) is None
    answer = deliver_response(number, [], b"reply", [])
    assert said(answer) == ["grpc_receive 5", "buffer 5 0 reply"]
    assert deliver_grpc_trailers(number, [(b"x-t", b"1")]) is None
    assert deliver_close(number, 0, "") is None
    assert request.resume().passed


def test_a_call_that_fails_is_closed(host: Host) -> None:
    """With status and message."""
    request = called(host)
    answer = deliver_close(request.callouts[0].id, 14, "unavailable")
    assert said(answer) == ["grpc_close 14", "status 0 unavailable", "code 14"]
    assert request.resume().passed


def test_a_stream_sends_and_closes_in_order(host: Host) -> None:
    """All with the id of the stream."""
    request = streamed(host, SEND.format(0), SEND.format(1))
    assert kinds(request) == ["grpc_stream", "grpc_send", "grpc_send"]
    assert len({callout.id for callout in request.callouts}) == 1
    assert [callout.end for callout in request.callouts[1:]] == [False, True]
    assert request.callouts[1].body == b"auth"
    assert request.callouts[0].timeout is None


def test_a_stream_is_told_everything(host: Host) -> None:
    """Metadata, messages, trailers and the end."""
    request = streamed(host)
    number = request.callouts[0].id
    assert said(deliver_grpc_metadata(number, [(b"x-m", b"1")])) == [
        "grpc_receive_initial_metadata 1",
        "map 4 0 1",
    ]
    for message in (b"one", b"two"):
        answer = deliver_response(number, [], message, [])
        assert said(answer) == ["grpc_receive 3", f"buffer 5 0 {message.decode()}"]
    assert said(deliver_grpc_trailers(number, [(b"x-t", b"2"), (b"y", b"")])) == [
        "grpc_receive_trailing_metadata 2",
        "map 5 0 2",
    ]
    assert said(deliver_close(number, 0, "fine")) == [
        "grpc_close 0",
        "status 0 fine",
        "code 0",
    ]
    assert deliver_response(number, [], b"late", []) is None


def test_a_stream_closed_on_our_side_still_hears(host: Host) -> None:
    """And takes no message more: BAD_ARGUMENT. Closing again is no error."""
    request = streamed(host, CLOSE, SEND.format(0), CLOSE)
    assert kinds(request) == ["grpc_stream", "grpc_close"]
    assert request.said[1:] == ["got 0", "got 2", "got 0"]
    assert said(deliver_response(request.callouts[0].id, [], b"one", [])) != []


def test_a_stream_that_is_cancelled_at_once_never_was(host: Host) -> None:
    """Neither opened nor cancelled for the layer above; its number is gone: NOT_FOUND."""
    request = streamed(host, SEND.format(0), CANCEL, SEND.format(0), CLOSE, CANCEL)
    assert (request.callouts, request.cancelled) == ([], [])
    assert request.said[1:] == ["got 0", "got 0", "got 1", "got 1", "got 1"]


@pytest.mark.parametrize("operation", [CANCEL, CLOSE])
def test_a_call_is_cancelled(host: Host, operation: str) -> None:
    """Also by closing it; nothing more of it is told."""
    texts = Texts()
    later = f"""(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        {texts.say("got", operation)} (i32.const 1))"""
    module = caller(texts, HEADERS, texts.grpc_call(), later, answer=0)
    request = Request(Chain([load(host, module, net=("auth",))]), method="POST")
    request.request_body(b"x")
    assert request.said[-1] == "got 0"
    assert request.cancelled == [request.callouts[0].id]
    assert deliver_response(request.callouts[0].id, [], b"late", []) is None


def test_what_is_no_stream_cannot_be_sent_to(host: Host) -> None:
    """BAD_ARGUMENT for a call, NOT_FOUND for a number that is nothing's."""
    texts = Texts()
    call = texts.grpc_call()
    request = performed(host, texts, call, texts.say("got", SEND.format(0)))
    assert request.said[-1] == "got 2"
    texts = Texts()
    texts.push(b"auth")
    request = performed(host, texts, texts.say("got", SEND.format(0)), texts.say("got", CANCEL))
    assert request.said == ["got 1", "got 1"]


@pytest.mark.parametrize("operation", [SEND.format(0), CANCEL, CLOSE])
def test_an_http_call_is_no_grpc(host: Host, operation: str) -> None:
    """BAD_ARGUMENT; and it goes on."""
    texts = Texts()
    request = performed(host, texts, texts.http_call(), texts.say("got", operation))
    assert request.said[-1] == "got 2"
    assert deliver_response(request.callouts[0].id, [(b":status", b"200")], b"", []) is not None


def test_an_upstream_that_is_not_allowed_is_a_parse_failure(host: Host) -> None:
    """The status that the specification has for an unknown one."""
    request = called(host, upstream=b"other")
    assert (request.callouts, request.said[-1]) == ([], "asked 4 0")
    assert host.denials() == [("guest", "net", "other", 1)]


@pytest.mark.parametrize(
    ("message", "reached"),
    [
        (b"\x0a\x06\x0a\x04auth", "auth"),
        (b"\x12\x12\x0a\x10auth.internal:80", "auth.internal:80"),
    ],
    ids=["envoy_grpc", "google_grpc"],
)
def test_an_upstream_may_be_a_message_of_envoy(host: Host, message: bytes, reached: str) -> None:
    """`GrpcService`, as guests of the C++ SDK write it."""
    assert called(host, upstream=message).callouts[0].upstream == reached


def test_a_message_of_envoy_needs_the_capability_too(host: Host) -> None:
    """The log has the name in it."""
    request = called(host, upstream=b"\x0a\x07\x0a\x05other")
    assert (request.callouts, request.said[-1]) == ([], "asked 4 0")
    assert host.denials() == [("guest", "net", "other", 1)]


@pytest.mark.parametrize(
    "call",
    [
        {"service": b""},
        {"method": b"a/b"},
        {"service": b"a b"},
        {"metadata": ((b"x", b"1\r\n"),)},
    ],
)
def test_a_method_that_cannot_be_is_a_parse_failure(host: Host, call: dict[str, object]) -> None:
    """It would be a part of a path or of a request's head."""
    request = called(host, **call)
    assert (request.callouts, request.said[-1]) == ([], "asked 4 0")


def test_a_message_beyond_the_limit_is_an_internal_failure(host: Host) -> None:
    """The limit `body`."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.grpc_call(message=b"x" * 100))
    request = Request(Chain([load(host, module, net=("auth",), body=99)]))
    assert (request.callouts, request.said[-1]) == ([], "asked 10 0")
