"""What a crash does to its own request, to others in the instance, and to those that follow."""

from __future__ import annotations

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import ATTACK, guest
from wasmgate._native import Chain, Host

PAUSE = [(b"x-attack", b"1"), (b"x-pause", b"1")]
MARK = (b"x-mark", b"1")

_MARKS = (
    '(import "env" "proxy_add_header_map_value"',
    "  (func $add (param i32 i32 i32 i32 i32) (result i32)))",
    '(data (i32.const 64) "x-mark1")',
    '(func (export "proxy_on_request_headers")',
    "    (param i32) (param $fields i32) (param i32) (result i32)",
    "  (if (i32.eq (local.get $fields) (i32.const 5)) (then unreachable))",
    "  (drop (call $add (i32.const 0)",
    "    (i32.const 64) (i32.const 6) (i32.const 70) (i32.const 1)))",
    "  (i32.eq (local.get $fields) (i32.const 6)))",
    '(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $add (i32.const 2)",
    "    (i32.const 64) (i32.const 6) (i32.const 70) (i32.const 1)))",
    "  (i32.const 0))",
)

MARKS = guest(*_MARKS)
"""Marks requests and responses; traps at a fifth field, and pauses at a sixth."""

SLOW_START = guest(
    *_MARKS,
    '(func (export "proxy_on_configure") (param i32 i32) (result i32) (local $i i32)',
    "  (local.set $i (i32.const 15000000))",
    "  (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))",
    "  (i32.const 1))",
)
"""The same, and its start takes 0.1 s by a clock that stands still."""

CRASHES = guest(
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)'
)


def marked(request: Request) -> bool:
    """Tell whether the policy saw the request that went on."""
    assert request.upstream.head is not None
    return MARK in request.upstream.head[1]


def test_closed_answers_503_and_nothing_else(host: Host) -> None:
    """As Envoy does."""
    request = Request(Chain([load(host, MARKS)]), headers=ATTACK)
    assert request.client.head == (b"503", [])
    assert (request.client.body, request.client.ended) == (b"", True)


def test_closed_answers_a_grpc_call_in_its_words(host: Host) -> None:
    """Unavailable, without a message."""
    fields = [(b"content-type", b"application/grpc")]
    request = Request(Chain([load(host, CRASHES)]), headers=fields)
    assert request.client.head == (b"200", [*fields, (b"grpc-status", b"14")])


def test_open_goes_on_without_the_policy(host: Host) -> None:
    """The request as it came."""
    request = Request(Chain([load(host, MARKS, fail_open=True)]), headers=ATTACK)
    assert (request.passed, marked(request)) == (True, False)


def test_open_skips_the_policy_in_the_response_too(host: Host) -> None:
    """It has no context for this stream any more."""
    request = Request(Chain([load(host, MARKS, fail_open=True)]), headers=ATTACK)
    assert request.response(200).client.head == (b"200", [])


def test_other_policies_see_the_response_of_a_failure(host: Host) -> None:
    """Those that saw the request; a policy after the one that failed did not."""
    before, after = load(host, MARKS, name="before"), load(host, MARKS, name="after")
    request = Request(Chain([before, load(host, CRASHES, name="crashes"), after]))
    assert (request.status, request.client.head) == (503, (b"503", [MARK]))


def test_the_first_replacement_is_immediate(host: Host) -> None:
    """The request after a crash is served by a new instance."""
    chain = Chain([load(host, MARKS)])
    Request(chain, headers=ATTACK)
    assert marked(Request(chain))


def test_one_crash_after_the_other_costs_only_the_requests_that_crash(host: Host) -> None:
    """Each instance is replaced at once: a client that crashes the policy affects only itself."""
    chain = Chain([load(host, MARKS)])
    attacked, served = [], []
    for _ in range(20):
        attacked.append(Request(chain, headers=ATTACK).status)
        served.append(marked(Request(chain)))
    assert (attacked, served) == ([503] * 20, [True] * 20)


@pytest.mark.parametrize("fail_open", [False, True])
def test_replacements_that_cost_too_much_hold_the_policy_back(*, fail_open: bool) -> None:
    """Its failure policy answers until there is time for the next one, and then it works."""
    host = Host(log_level=2, clock=0)
    chain = Chain([load(host, SLOW_START, fail_open=fail_open)])
    while (held_back := Request(chain)).passed and marked(held_back):
        Request(chain, headers=ATTACK).close()
    assert [text.partition(":")[0] for text in held_back.said] == [
        "the policy is suspended for a moment"
    ]
    if fail_open:
        assert not marked(held_back)
    else:
        assert held_back.status == 503
    host.advance(20)
    assert marked(Request(chain))


def test_a_paused_stream_of_a_crashed_instance_gets_503(host: Host) -> None:
    """Its context is gone, so no callback would continue it."""
    chain = Chain([load(host, MARKS)])
    paused = Request(chain, headers=PAUSE)
    assert (paused.passed, paused.status) == (False, None)
    attacked = Request(chain, headers=ATTACK)
    assert paused.stream.id in attacked.wake
    assert paused.resume().status == 503


def test_a_paused_stream_of_a_crashed_instance_goes_on_when_open(host: Host) -> None:
    """Without the policy."""
    chain = Chain([load(host, MARKS, fail_open=True)])
    paused = Request(chain, headers=PAUSE)
    Request(chain, headers=ATTACK)
    assert paused.resume().passed


def test_a_stream_that_went_on_before_the_crash_fails_at_its_next_callback(host: Host) -> None:
    """The new instance knows nothing of it."""
    chain = Chain([load(host, MARKS)])
    earlier = Request(chain)
    Request(chain, headers=ATTACK)
    assert earlier.response(200).status == 503
    assert "crashed on another request" in earlier.said[-1]


def test_a_stream_that_ends_after_the_crash_ends_quietly(host: Host) -> None:
    """There is no context that could be told."""
    chain = Chain([load(host, MARKS)])
    earlier = Request(chain)
    Request(chain, headers=ATTACK)
    assert earlier.close().said == []


def test_a_crash_leaves_other_policies_alone(host: Host) -> None:
    """Each has its own instance."""
    crashing, other = load(host, MARKS, name="crashing"), load(host, MARKS, name="other")
    paused = Request(Chain([other]), headers=PAUSE)
    attacked = Request(Chain([crashing]), headers=ATTACK)
    assert attacked.wake == []
    assert paused.resume().status is None


def test_a_crash_in_a_tick_wakes_the_paused_streams(host: Host) -> None:
    """The layer above learns it from the tick's effects."""
    module = guest(
        '(import "env" "proxy_set_tick_period_milliseconds"',
        "  (func $tick (param i32) (result i32)))",
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (drop (call $tick (i32.const 10))) (i32.const 1))",
        '(func (export "proxy_on_tick") (param i32) unreachable)',
    )
    chain = Chain([load(host, module)])
    paused = Request(chain)
    woken: list[int] = []
    while not woken:
        woken = chain.tick()[1].wake
    assert woken == [paused.stream.id]
    assert paused.resume().status == 503
