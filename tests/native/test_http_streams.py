"""HTTP streams: local responses, continue and close."""

from __future__ import annotations

import pytest

from tests.native.chain_request import Fields, Request
from tests.native.scripted import callbacks, chain, outcomes, scripted
from wasmgate._native import Chain, Host

TEXT = (b"content-type", b"text/plain")
ANSWERS = "request_headers: respond 403 no x-a=1,x-a=2"


def wait_for_wake(policies: Chain) -> list[int]:
    """Wait for a tick that asks something of a stream, and return the streams' ids."""
    woken: list[int] = []
    while not woken:
        woken = policies.tick()[1].wake
    return woken


def test_a_local_response_answers_the_client(host: Host) -> None:
    """Status, fields in their order, the type of a text, body; the request goes no further."""
    request = Request(chain(host, ANSWERS))
    assert request.client.head == (b"403", [(b"x-a", b"1"), (b"x-a", b"2"), TEXT])
    assert (request.client.body, request.client.ended, request.passed) == (b"no", True, False)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("respond 403 {} content-type=text/json", [(b"content-type", b"text/json")]),
        ("respond 403 ", []),
    ],
)
def test_a_local_response_keeps_the_type_that_it_has(host: Host, said: str, fields: Fields) -> None:
    """And without a body it has none."""
    request = Request(chain(host, f"request_headers: {said}"))
    assert request.client.head == (b"403", fields)


def test_a_grpc_call_is_answered_in_grpcs_words(host: Host) -> None:
    """Status and body become fields: its clients look at nothing else."""
    headers = [(b"content-type", b"application/grpc+proto")]
    request = Request(chain(host, ANSWERS), headers=headers)
    said = [
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"7"),
        (b"grpc-message", b"no"),
    ]
    assert request.client.head == (b"200", [(b"x-a", b"1"), (b"x-a", b"2"), *said])
    assert (request.client.body, request.client.ended) == (b"", True)


@pytest.mark.parametrize("action", ["", "request_headers: pause"], ids=["continue", "pause"])
def test_a_local_response_stops_the_chain_whatever_the_callback_answers(
    host: Host, action: str
) -> None:
    """The policies behind never see the request."""
    policies = Chain([scripted(host, ANSWERS, action, name="a"), scripted(host, name="b")])
    request = Request(policies)
    assert (request.status, request.passed) == (403, False)
    assert {policy for policy, _, _ in request.records} == {"a"}


def test_a_local_response_passes_the_policies_that_saw_the_request(host: Host) -> None:
    """In reverse, and the one that answered too."""
    marks = "response_headers: add response x-seen 1"
    policies = Chain(
        [
            scripted(host, marks, name="a"),
            scripted(host, marks, ANSWERS, name="b"),
            scripted(host, marks, name="c"),
        ]
    )
    request = Request(policies)
    responses = [
        policy for policy, _, text in request.records if text.startswith("response_headers ")
    ]
    assert responses == ["b", "a"]
    assert request.client.head is not None
    assert request.client.head[1].count((b"x-seen", b"1")) == 2


def test_the_body_of_a_local_response_passes_too(host: Host) -> None:
    """A policy can rewrite it."""
    policies = Chain(
        [
            scripted(host, "response_body: set_body response 0 99 other", name="a"),
            scripted(host, ANSWERS, name="b"),
        ]
    )
    assert Request(policies).client.body == b"other"


def test_of_two_local_responses_the_first_counts(host: Host) -> None:
    """In one callback."""
    policies = chain(host, ANSWERS, "request_headers: respond 404 other")
    assert Request(policies).status == 403


def test_a_local_response_from_a_body_callback(host: Host) -> None:
    """As long as the upstream has not answered."""
    policies = chain(host, "request_body: respond 403 no")
    request = Request(policies, method="POST", headers=[(b"content-length", b"3")])
    assert request.passed
    assert request.request_body(b"abc", end=True).status == 403
    assert request.upstream.body == b""


def test_what_the_upstream_answers_after_a_local_response_goes_nowhere(host: Host) -> None:
    """The client has its answer."""
    request = Request(chain(host, ANSWERS))
    request.response(200).response_body(b"late", end=True)
    assert (request.status, request.client.body) == (403, b"no")


def test_a_policy_can_replace_the_response_in_its_headers(host: Host) -> None:
    """Those in front of it see the new one."""
    policies = Chain(
        [
            scripted(host, "response_headers: get response :status", name="a"),
            scripted(host, "response_headers: respond 502 replaced", name="b"),
        ]
    )
    request = Request(policies).response(200, [(b"server", b"x")])
    assert request.client.head == (b"502", [TEXT])
    assert request.client.body == b"replaced"
    assert outcomes(request)[-1] == "get response :status = 502"
    assert request.response_body(b"of the upstream", end=True).client.body == b"replaced"


def test_a_local_response_after_the_head_has_gone_cuts_the_connection(host: Host) -> None:
    """Half of one response and another is no response."""
    policies = chain(host, "response_body: respond 502 late")
    request = Request(policies).response(200).response_body(b"abc")
    assert (request.status, request.reset, request.client.body) == (200, True, b"")


@pytest.mark.parametrize("status", [0, 99, 101, 199, 600, 999, 70000])
def test_a_local_response_has_a_status_that_clients_understand(host: Host, status: int) -> None:
    """Anything else is 500: the SDK cannot bear a refusal here."""
    assert Request(chain(host, f"request_headers: respond {status} no")).status == 500


def test_fields_that_would_break_a_local_response_are_left_out(host: Host) -> None:
    """With a warning; the others stay."""
    policies = chain(host, "request_headers: respond 403 no bad\tname=1,x-a=a\rb,x-b=1")
    request = Request(policies)
    assert request.client.head == (b"403", [(b"x-b", b"1"), TEXT])
    assert "left out of its response: `bad\\tname`" in request.said


def test_the_layer_above_answers_through_the_policies(host: Host) -> None:
    """A gateway's 502, for those that saw the request."""
    policies = chain(host, "response_headers: add response x-seen 1")
    request = Request(policies)
    effects = request.stream.respond(502, [(b"x-gateway", b"1")], b"bad")
    assert effects is not None
    assert effects.response_head == (502, [(b"x-gateway", b"1"), (b"x-seen", b"1")])
    assert (effects.response_body, effects.response_end) == (b"bad", True)


@pytest.mark.parametrize("first", ["resume request", "pause"])
def test_continue_within_the_callback_that_pauses_goes_on(host: Host, first: str) -> None:
    """It is performed after the callback returned; nothing is re-entered."""
    second = "pause" if first == "resume request" else "resume request"
    policies = chain(host, f"request_headers: {first}", f"request_headers: {second}")
    assert Request(policies).passed


def test_continue_of_a_stream_that_does_not_pause_does_nothing(host: Host) -> None:
    """And does not count for a later pause."""
    policies = chain(
        host,
        "request_headers: resume request",
        "request_headers: resume response",
        "response_headers: pause",
    )
    request = Request(policies)
    assert request.passed
    assert request.response(200).status is None


def test_continue_from_a_tick(host: Host) -> None:
    """The tick's effects say which stream, and `resume` performs it."""
    policies = chain(
        host, "configure: tick_period 10", "request_headers: pause", "tick: all resume request"
    )
    request = Request(policies)
    assert wait_for_wake(policies) == [request.stream.id]
    assert request.resume().passed


def test_continue_from_another_stream(host: Host) -> None:
    """Through the effective context; the other's effects say whom to wake."""
    policies = chain(host, "request_headers: pause", "response_headers: all resume request")
    waiting, other = Request(policies), Request(policies)
    effects = other.stream.respond(200, [], b"")
    assert effects is not None
    assert (effects.wake, waiting.passed) == ([waiting.stream.id], False)
    assert waiting.resume().passed


def test_what_a_tick_asks_of_a_running_stream_comes_before_its_next_phase(host: Host) -> None:
    """Here a local response instead of the upstream's."""
    policies = chain(host, "configure: tick_period 10", "tick: all respond 503 late")
    request = Request(policies)
    assert request.passed
    wait_for_wake(policies)
    assert request.response(200).status == 503
    assert request.client.body == b"late"


def test_the_body_that_came_while_the_head_was_held_follows_it(host: Host) -> None:
    """Through the policy's own body callback."""
    policies = chain(
        host, "configure: tick_period 10", "request_headers: pause", "tick: all resume request"
    )
    request = Request(policies, method="POST", headers=[(b"content-length", b"4")])
    request.request_body(b"ab").request_body(b"cd", end=True)
    assert (request.passed, request.upstream.body) == (False, b"")
    wait_for_wake(policies)
    request.resume()
    assert (request.passed, request.upstream.body, request.upstream.ended) == (True, b"abcd", True)
    assert callbacks(request)[-1].endswith("4 true")


def test_a_body_that_is_held_goes_on_by_continue(host: Host) -> None:
    """With its end."""
    policies = chain(
        host, "configure: tick_period 10", "request_body: pause", "tick: all resume request"
    )
    request = Request(policies, method="POST", headers=[(b"content-length", b"4")])
    request.request_body(b"abcd", end=True)
    wait_for_wake(policies)
    request.resume()
    assert (request.upstream.body, request.upstream.ended) == (b"abcd", True)


def test_a_response_that_is_held_goes_on_by_continue(host: Host) -> None:
    """Head and body."""
    policies = chain(
        host, "configure: tick_period 10", "response_headers: pause", "tick: all resume response"
    )
    request = Request(policies).response(200).response_body(b"ab", end=True)
    assert (request.status, request.client.body) == (None, b"")
    wait_for_wake(policies)
    request.resume()
    assert (request.status, request.client.body, request.client.ended) == (200, b"ab", True)


def test_a_body_that_is_held_is_complete_with_the_trailers(host: Host) -> None:
    """No body callback has the end then; the trailers callback lets the body go before them."""
    request = Request(chain(host, "response_body: pause_until_end")).response(200)
    request.response_body(b"ab").response_body(b"cd")
    assert request.client.body == b""
    request.response_trailers([(b"x-sum", b"1")])
    assert (request.client.body, request.client.trailers) == (b"abcd", [(b"x-sum", b"1")])
    assert request.client.ended


def test_trailers_that_are_held_go_on_by_continue(host: Host) -> None:
    """With the body that waits before them."""
    policies = chain(
        host,
        "configure: tick_period 10",
        "response_body: pause",
        "response_trailers: pause",
        "tick: all resume response",
    )
    request = Request(policies).response(200).response_body(b"ab")
    request.response_trailers([(b"x-sum", b"1")])
    assert (request.client.body, request.client.trailers) == (b"", None)
    wait_for_wake(policies)
    request.resume()
    assert (request.client.body, request.client.trailers) == (b"ab", [(b"x-sum", b"1")])


def test_another_policys_answer_drops_what_was_held_of_the_response(host: Host) -> None:
    """Bytes of the upstream never follow the head of a local response."""
    policies = Chain(
        [
            scripted(host, "response_headers: respond 502 other", name="a"),
            scripted(
                host,
                "configure: tick_period 10",
                "response_headers: pause",
                "tick: all resume response",
                name="b",
            ),
        ]
    )
    request = Request(policies).response(200).response_body(b"of the upstream", end=True)
    wait_for_wake(policies)
    request.resume()
    assert (request.status, request.client.body, request.client.ended) == (502, b"other", True)


@pytest.mark.parametrize("direction", ["request", "response"])
def test_close_cuts_the_connection(host: Host, direction: str) -> None:
    """`proxy_close_stream`."""
    request = Request(chain(host, f"request_headers: reset {direction}"))
    assert (request.reset, request.passed) == (True, False)
