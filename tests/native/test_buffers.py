"""Buffers: bodies that are passed on, held back and rewritten, and the configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.chain_request import Request
from tests.native.scripted import asked, callbacks, chain, outcomes
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

POST = [(b"content-length", b"6")]


def posted(policies: Chain) -> Request:
    """Open a request whose body follows."""
    return Request(policies, method="POST", headers=POST)


def sizes(request: Request, callback: str) -> list[str]:
    """Return the size and the end that each body callback saw."""
    return [text.split(" ", 2)[2] for text in callbacks(request) if text.startswith(callback)]


def test_continue_lets_each_chunk_go_on(host: Host) -> None:
    """Nothing is kept."""
    request = posted(chain(host))
    assert request.request_body(b"abc").upstream.body == b"abc"
    assert request.request_body(b"def", end=True).upstream.body == b"abcdef"
    assert sizes(request, "request_body") == ["3 false", "3 true"]


def test_pause_holds_back_and_counts_the_whole_body(host: Host) -> None:
    """Each callback sees all that is held, and the last one lets it go."""
    request = posted(chain(host, "request_body: pause_until_end"))
    assert request.request_body(b"ab").upstream.body == b""
    assert request.request_body(b"cd").upstream.body == b""
    request.request_body(b"ef", end=True)
    assert (request.upstream.body, request.upstream.ended) == (b"abcdef", True)
    assert sizes(request, "request_body") == ["2 false", "4 false", "6 true"]


def test_a_response_body_is_held_back_in_the_same_way(host: Host) -> None:
    """Its head has gone before."""
    request = Request(chain(host, "response_body: pause_until_end")).response(200)
    assert request.response_body(b"ab").client.body == b""
    request.response_body(b"cd", end=True)
    assert (request.client.body, request.client.ended) == (b"abcd", True)
    assert sizes(request, "response_body") == ["2 false", "4 true"]


def test_an_end_without_bytes_is_a_callback_too(host: Host) -> None:
    """HTTP says the end after the last byte."""
    request = posted(chain(host, "request_body: pause_until_end"))
    request.request_body(b"abc").request_body(b"", end=True)
    assert (request.upstream.body, request.upstream.ended) == (b"abc", True)
    assert sizes(request, "request_body") == ["3 false", "3 true"]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("set_body request 0 6 new", b"new"),
        ("set_body request 0 0 new", b"newabcdef"),
        ("set_body request 6 0 new", b"abcdefnew"),
        ("set_body request 99 99 new", b"abcdefnew"),
        ("set_body request 2 2 new", b"abnewef"),
        ("set_body request 2 99 new", b"abnew"),
        ("set_body request 0 4294967295 ", b""),
    ],
    ids=["replace", "prepend", "append", "past the end", "middle", "tail", "empty"],
)
def test_a_body_is_rewritten(host: Host, operation: str, body: bytes) -> None:
    """`start` and `size` of `set_buffer_bytes`."""
    policies = chain(host, f"request_body: {operation}")
    request = posted(policies).request_body(b"abcdef", end=True)
    assert (request.upstream.body, request.upstream.ended) == (body, True)


@pytest.mark.parametrize(
    ("start", "most", "got"),
    [
        (0, 99, "abcdef"),
        (0, 2, "ab"),
        (4, 99, "ef"),
        (6, 1, "None"),
        (9, 1, "None"),
        (0, 4294967295, "abcdef"),
    ],
)
def test_a_range_of_a_body_is_read(host: Host, start: int, most: int, got: str) -> None:
    """From `start`, at most so many bytes; nothing is the SDK's None."""
    policies = chain(host, f"request_body: body request {start} {most}")
    request = posted(policies).request_body(b"abcdef", end=True)
    assert outcomes(request) == [f"body request {start} {most} = {got}"]


def test_a_range_that_overflows_is_bad_argument(host: Host) -> None:
    """The SDK panics on it."""
    policies = chain(host, "request_body: body request 4294967295 4294967295")
    assert posted(policies).request_body(b"abcdef", end=True).status == 503


def test_a_body_is_not_there_before_its_callback(host: Host) -> None:
    """NOT_FOUND is the SDK's None."""
    assert asked(host, "body request 0 9", "body response 0 9", "body call 0 9") == ["None"] * 3


def test_the_configurations_are_buffers(host: Host) -> None:
    """Plugin and VM configuration, at any time."""
    policies = chain(host, "request_headers: body vm 0 99", vm_configuration=b"of the vm")
    assert outcomes(Request(policies)) == ["body vm 0 99 = of the vm"]
    assert asked(host, "body plugin 0 15") == ["request_headers"]


def test_a_request_that_is_held_over_the_limit_is_413(host: Host) -> None:
    """Exactly the limit is allowed."""
    policies = chain(host, "request_body: pause", body=6)
    assert posted(policies).request_body(b"abcdef").status is None
    request = posted(policies).request_body(b"abcdefg")
    assert request.status == 413
    assert "buffered more of a body than its limit `body` allows" in request.said


def test_a_request_at_the_limit_waits_when_its_head_is_held(host: Host) -> None:
    """A policy that pauses at the headers buffers to a watermark, as in Envoy."""
    policies = chain(host, "request_headers: pause", body=6)
    request = posted(policies).request_body(b"abcde")
    assert request.full == []
    assert request.request_body(b"fg").full == [(True, False)]
    assert request.status is None


def test_a_body_over_the_limit_that_is_not_held_goes_on(host: Host) -> None:
    """The limit is for the buffered bytes."""
    request = posted(chain(host, body=6)).request_body(b"x" * 1000, end=True)
    assert request.upstream.body == b"x" * 1000


def test_a_response_at_the_limit_waits_when_its_head_is_held(host: Host) -> None:
    """The same the other way."""
    policies = chain(host, "response_headers: pause", body=6)
    request = Request(policies).response(200).response_body(b"abcdef")
    assert (request.full, request.status) == ([(False, True)], None)


def test_a_response_over_the_limit_is_cut_when_its_head_has_gone(host: Host) -> None:
    """No other answer is possible."""
    policies = chain(host, "response_body: pause", body=6)
    request = Request(policies).response(200).response_body(b"abcdefg")
    assert (request.status, request.reset, request.client.body) == (200, True, b"")


@pytest.fixture(scope="module")
def buffering(artifacts: Path) -> Chain:
    """Load a policy that holds bodies back to their end, once for all examples."""
    host = Host(cache=str(artifacts), log_level=5)
    return chain(host, "request_body: pause_until_end", "response_body: pause_until_end")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
def test_any_split_of_a_body_gives_the_same_bytes(buffering: Chain, chunks: list[bytes]) -> None:
    """In both directions."""
    request = posted(buffering)
    for number, chunk in enumerate(chunks):
        request.request_body(chunk, end=number == len(chunks) - 1)
    request.response(200)
    for number, chunk in enumerate(chunks):
        request.response_body(chunk, end=number == len(chunks) - 1)
    whole = b"".join(chunks)
    assert (request.upstream.body, request.upstream.ended) == (whole, True)
    assert (request.client.body, request.client.ended) == (whole, True)
