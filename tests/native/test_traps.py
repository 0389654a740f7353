"""A trap in every callback: the failure policy answers, and the next request passes."""

from __future__ import annotations

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import ATTACK, guest
from wasmgate import PolicyLoadError
from wasmgate._native import Chain, Host

HEADS = "(param i32) (param $fields i32) (param i32) (result i32)"
BODIES = "(param i32 i32 i32) (result i32)"


def armed(callback: str, signature: str) -> bytes:
    """Make a guest that traps in `callback`, of a stream whose request has a fifth field."""
    flag = "(global $armed (mut i32) (i32.const 0))"
    arm = "(global.set $armed (i32.eq (local.get $fields) (i32.const 5)))"
    trap = "(if (global.get $armed) (then unreachable))"
    heads = f'(func (export "proxy_on_request_headers") {HEADS} {arm}'
    if callback == "proxy_on_request_headers":
        return guest(flag, f"{heads} {trap} (i32.const 0))")
    answer = "(i32.const 0)" if "result" in signature else ""
    if callback == "proxy_on_done":
        answer = "(i32.const 1)"
    return guest(
        flag, f"{heads} (i32.const 0))", f'(func (export "{callback}") {signature} {trap} {answer})'
    )


STARTS = {
    "proxy_on_context_create": "(param i32 i32)",
    "proxy_on_vm_start": "(param i32 i32) (result i32)",
    "proxy_on_configure": "(param i32 i32) (result i32)",
    "_initialize": "",
    "_start": "",
}

BEFORE_THE_ANSWER = {
    "proxy_on_request_headers": HEADS,
    "proxy_on_request_body": BODIES,
    "proxy_on_response_headers": "(param i32 i32 i32) (result i32)",
}

AFTER_THE_HEAD = {
    "proxy_on_response_body": BODIES,
    "proxy_on_response_trailers": "(param i32 i32) (result i32)",
}

AFTER_THE_END = {
    "proxy_on_done": "(param i32) (result i32)",
    "proxy_on_log": "(param i32)",
    "proxy_on_delete": "(param i32)",
}


def run(chain: Chain, *, attack: bool) -> Request:
    """Drive a whole exchange, with bodies and trailers."""
    request = Request(chain, method="POST", headers=ATTACK if attack else [])
    if request.status is None:
        request.request_body(b"ab", end=True)
    if request.status is None:
        request.response(200)
        if not request.reset and request.status == 200:
            request.response_body(b"cd")
        if not request.reset and request.status == 200:
            request.response_trailers([(b"x-sum", b"1")])
    return request.close()


@pytest.mark.parametrize(("callback", "signature"), STARTS.items())
def test_a_trap_at_start_is_refused(host: Host, callback: str, signature: str) -> None:
    """A policy that crashes while it starts is not loaded."""
    module = guest(f'(func (export "{callback}") {signature} unreachable)')
    with pytest.raises(PolicyLoadError, match=f"trapped in {callback}: unreachable"):
        load(host, module)


@pytest.mark.parametrize(("callback", "signature"), BEFORE_THE_ANSWER.items())
def test_a_trap_before_the_answer_is_503(host: Host, callback: str, signature: str) -> None:
    """As long as nothing went to the client."""
    chain = Chain([load(host, armed(callback, signature))])
    attacked = run(chain, attack=True)
    assert (attacked.status, attacked.reset) == (503, False)
    assert f"trapped in {callback}: unreachable" in attacked.said
    assert run(chain, attack=False).status == 200


@pytest.mark.parametrize(("callback", "signature"), AFTER_THE_HEAD.items())
def test_a_trap_in_the_middle_of_the_answer_cuts_it(
    host: Host, callback: str, signature: str
) -> None:
    """The head has gone: no clean answer is possible any more."""
    chain = Chain([load(host, armed(callback, signature))])
    attacked = run(chain, attack=True)
    assert (attacked.status, attacked.reset) == (200, True)
    assert f"trapped in {callback}: unreachable" in attacked.said
    assert run(chain, attack=False).status == 200


@pytest.mark.parametrize(("callback", "signature"), AFTER_THE_END.items())
def test_a_trap_after_the_end_is_logged(host: Host, callback: str, signature: str) -> None:
    """The client has its answer."""
    chain = Chain([load(host, armed(callback, signature))])
    attacked = run(chain, attack=True)
    assert (attacked.status, attacked.reset) == (200, False)
    assert f"trapped in {callback}: unreachable" in attacked.said
    assert run(chain, attack=False).status == 200


def test_a_trap_in_a_streams_context_create_is_503(host: Host) -> None:
    """The second context of a root; the guest counts."""
    module = guest(
        "(global $made (mut i32) (i32.const 0))",
        '(func (export "proxy_on_context_create") (param i32) (param $parent i32)',
        "  (if (local.get $parent) (then",
        "    (global.set $made (i32.add (global.get $made) (i32.const 1)))",
        "    (if (i32.eq (global.get $made) (i32.const 2)) (then unreachable)))))",
    )
    chain = Chain([load(host, module)])
    outcomes = [Request(chain).status for _ in range(3)]
    assert outcomes == [None, 503, None]


def test_a_trap_in_a_tick_is_logged_and_the_next_request_passes(host: Host) -> None:
    """There is no stream to answer."""
    module = guest(
        '(import "env" "proxy_set_tick_period_milliseconds"',
        "  (func $tick (param i32) (result i32)))",
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)',
        "  (drop (call $tick (i32.const 10))) (i32.const 1))",
        '(func (export "proxy_on_tick") (param i32) unreachable)',
    )
    chain = Chain([load(host, module)])
    assert Request(chain).passed
    said: list[str] = []
    while not said:
        _, effects = chain.tick()
        said += [message for _, _, message in effects.logs]
    assert said == ["trapped in proxy_on_tick: unreachable"]
    assert Request(chain).passed


def test_a_trap_in_on_queue_ready_is_logged_and_the_next_request_passes(host: Host) -> None:
    """It runs within the step of the stream that queued, whose request passes."""
    module = guest(
        '(import "env" "proxy_register_shared_queue"',
        "  (func $open (param i32 i32 i32) (result i32)))",
        '(import "env" "proxy_enqueue_shared_queue" (func $put (param i32 i32 i32) (result i32)))',
        f'(func (export "proxy_on_request_headers") {HEADS}',
        "  (if (i32.eq (local.get $fields) (i32.const 5)) (then",
        "    (drop (call $open (i32.const 0) (i32.const 1) (i32.const 16)))",
        "    (drop (call $put (i32.load (i32.const 16)) (i32.const 0) (i32.const 1)))))",
        "  (i32.const 0))",
        '(func (export "proxy_on_queue_ready") (param i32 i32) unreachable)',
    )
    chain = Chain([load(host, module)])
    attacked = Request(chain, headers=ATTACK)
    assert attacked.passed
    assert attacked.said == ["trapped in proxy_on_queue_ready: unreachable"]
    assert Request(chain).passed
