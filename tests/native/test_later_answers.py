"""Several responses of one request: the later one counts, and time ends all waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import written
from tests.native.scripted import callbacks, chain, scripted
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host

UNAUTHORIZED = "request_headers: respond 401 first"
PAUSES = "response_headers: pause"
TEXT = (b"content-type", b"text/plain")


def test_the_later_local_response_counts(host: Host) -> None:
    """As in Envoy: 402 instead of 401, in the callback that sees the 401."""
    request = Request(chain(host, UNAUTHORIZED, "response_headers: respond 402 second", PAUSES))
    assert (request.status, request.client.body, request.client.ended) == (402, b"second", True)


def test_a_module_of_others_answers_twice(host: Host) -> None:
    """402 with its own body; both hostcalls are Ok."""
    request = Request(Chain([load(host, written("second_answer_twice"))]))
    assert (request.status, request.client.body, request.client.ended) == (402, b"second", True)
    assert request.said == ["local response 0"]


def test_a_module_of_others_holds_the_answer_of_another(host: Host) -> None:
    """Until its time is over; behind it in the chain the answer never reaches it."""
    denies, pauses = (
        load(host, written(f"second_answer_{name}"), name=name) for name in ("deny", "pauseresp")
    )
    held, at_once = Request(Chain([pauses, denies])), Request(Chain([denies, pauses]))
    assert (held.status, at_once.status, at_once.client.ended) == (None, 401, True)
    effects = held.stream.overrule(504, [TEXT], b"late")
    assert effects is not None
    assert effects.response_head == (504, [TEXT])
    assert (effects.response_body, effects.response_end) == (b"late", True)


def test_a_policy_sees_the_head_of_one_response(host: Host) -> None:
    """The one that paused at the upstream's head is not called again for what replaces it."""
    policies = Chain(
        [
            scripted(host, PAUSES, name="front"),
            scripted(host, "response_body: respond 502 broken", name="behind"),
        ]
    )
    request = Request(policies).response(200).response_body(b"abc", end=True)
    assert (request.status, request.client.body) == (502, b"broken")
    heads = [text for text in callbacks(request) if text.startswith("response_headers ")]
    assert len(heads) == 2


def test_a_local_response_has_no_trailers_of_another(host: Host) -> None:
    """Those of the upstream came with what it replaced."""
    policies = Chain(
        [
            scripted(host, PAUSES, name="front"),
            scripted(host, "response_trailers: respond 502 broken", name="behind"),
        ]
    )
    request = Request(policies).response(200).response_trailers([(b"x-sum", b"1")])
    assert (request.status, request.client.ended) == (502, True)
    assert request.client.trailers is None


def test_a_response_of_the_layer_above_does_not_replace_a_policys(host: Host) -> None:
    """An upstream that fails behind a policy's answer changes nothing."""
    request = Request(chain(host, UNAUTHORIZED, PAUSES))
    effects = request.stream.respond(502, [], b"bad")
    assert effects is None or effects.response_head is None


@pytest.mark.parametrize("paused", ["request_headers", "response_headers", "response_body"])
def test_no_policy_holds_an_answer_whose_time_is_over(host: Host, paused: str) -> None:
    """One step has all of it."""
    request = Request(chain(host, "request_headers: pause", PAUSES, f"{paused}: pause"))
    effects = request.stream.overrule(504, [TEXT], b"late")
    assert effects is not None
    assert effects.response_head == (504, [TEXT])
    assert (effects.response_body, effects.response_end) == (b"late", True)


def test_an_answer_whose_time_is_over_replaces_a_policys(host: Host) -> None:
    """That a policy holds."""
    request = Request(chain(host, UNAUTHORIZED, PAUSES))
    assert request.status is None
    effects = request.stream.overrule(504, [], b"late")
    assert effects is not None
    assert (effects.response_head, effects.response_end) == ((504, []), True)


def test_policies_change_and_replace_an_answer_whose_time_is_over(host: Host) -> None:
    """They see it as every response."""
    marks = "response_headers: add response x-seen 1"
    policies = Chain(
        [
            scripted(host, marks, PAUSES, name="front"),
            scripted(host, "response_headers: respond 503 sorry", name="behind"),
        ]
    )
    request = Request(policies)
    effects = request.stream.overrule(504, [], b"late")
    assert effects is not None
    assert effects.response_head == (503, [TEXT, (b"x-seen", b"1")])
    assert (effects.response_body, effects.response_end) == (b"sorry", True)


@pytest.mark.parametrize(("crash", "status"), [("response_headers", 503), ("response_body", 504)])
def test_a_crash_does_not_hold_an_answer_whose_time_is_over(
    host: Host, crash: str, status: int
) -> None:
    """It is the policy's 503, or goes on if its head has gone."""
    request = Request(chain(host, f"{crash}: panic now"))
    effects = request.stream.overrule(504, [], b"late")
    assert effects is not None
    assert effects.response_head is not None
    told = (effects.response_head[0], effects.response_end, effects.reset)
    assert told == (status, True, False)


def test_time_that_is_over_cuts_a_response_that_is_on_its_way(host: Host) -> None:
    """Its head has gone to the client."""
    request = Request(chain(host, "response_body: pause")).response(200).response_body(b"a")
    assert request.status == 200
    effects = request.stream.overrule(504, [], b"late")
    assert effects is not None
    assert effects.reset
