"""How long callouts live: with their stream, with their instance, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import PHASES, Texts, caller
from tests.native.chain_request import Request, load
from wasmgate._native import (
    Chain,
    Host,
    compile_artifact,
    deliver_close,
    deliver_response,
)

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._native import Effects, Plugin

HEADERS = "proxy_on_request_headers"
RESPONSE = [(b":status", b"200")]
ENDS = ["done", "log", "delete"]
TICK = "(drop (call $period (i32.const 10)))"


def said(effects: Effects | None) -> list[str]:
    """Return the log lines of a delivery."""
    return [] if effects is None else [text for _, _, text in effects.logs]


def plugin(host: Host, callback: str, *more: str, answer: int = 1, **options: object) -> Plugin:
    """Load a guest that makes an HTTP call in a callback."""
    texts = Texts()
    module = caller(texts, callback, texts.http_call(), *more, answer=answer)
    return load(host, module, net=("auth",), **options)  # type: ignore[arg-type]


def reached(chain: Chain, callback: str) -> Request:
    """Drive an exchange up to a callback."""
    request = Request(chain, method="POST")
    if callback == "proxy_on_request_headers":
        return request
    request.request_body(b"body")
    if callback == "proxy_on_request_body":
        return request
    request.response(200)
    if callback == "proxy_on_response_headers":
        return request
    request.response_body(b"body")
    if callback == "proxy_on_response_body":
        return request
    return request.response_trailers([(b"x-sum", b"1")])


STREAM_PHASES = [name for name in PHASES if name != "proxy_on_request_trailers"]
"""Request trailers have no way through this border; the host's own tests have them."""


@pytest.mark.parametrize("callback", STREAM_PHASES)
def test_a_client_that_goes_away_ends_the_callout(host: Host, callback: str) -> None:
    """In every phase: it is cancelled, and the stream ends once, in its order."""
    request = reached(Chain([plugin(host, callback)]), callback)
    (call,) = request.callouts
    request.close()
    assert request.cancelled == [call.id]
    ends = [text for text in request.said if text in ENDS]
    assert ends == ENDS
    assert request.close().cancelled == [call.id]
    assert deliver_response(call.id, RESPONSE, b"", []) is None


@pytest.mark.parametrize("callback", STREAM_PHASES)
def test_the_answer_lets_the_stream_go_on(host: Host, callback: str) -> None:
    """In every phase; nothing is left to be cancelled."""
    request = reached(Chain([plugin(host, callback)]), callback)
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"", [])
    assert answer is not None
    assert set(answer.wake) == {request.stream.id}
    request.resume()
    assert request.close().cancelled == []


def test_the_policy_is_told_what_was_cancelled(host: Host) -> None:
    """After the stream's end: its SDK remembers the callout until it is told."""
    request = Request(Chain([plugin(host, HEADERS)])).close()
    ends = request.said.index("delete")
    assert request.said[ends + 1] == "http_call_response 0 0 0"
    assert "status 0 the stream has ended" in request.said


def test_a_stream_of_another_is_not_touched(host: Host) -> None:
    """The end of one stream ends its own callouts alone."""
    chain = Chain([plugin(host, HEADERS)])
    one, other = Request(chain), Request(chain)
    one.close()
    assert one.cancelled == [one.callouts[0].id]
    assert deliver_response(other.callouts[0].id, RESPONSE, b"", []) is not None
    assert other.resume().passed


def test_a_stream_that_is_dropped_ends_its_callouts(host: Host) -> None:
    """They are cancelled with this thread's next step."""
    chain = Chain([plugin(host, HEADERS)])
    request = Request(chain)
    del request.stream
    effects = chain.tick()[1]
    assert effects.cancelled == [request.callouts[0].id]


@pytest.mark.parametrize("callback", ["proxy_on_done", "proxy_on_log", "proxy_on_delete"])
def test_last_words_outlive_the_stream(host: Host, callback: str) -> None:
    """A policy may report what it saw: its callout belongs to no stream."""
    request = Request(Chain([plugin(host, callback)])).close()
    assert (len(request.callouts), request.cancelled) == (1, [])
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"ok", [])
    assert "buffer 4 0 ok" in said(answer)


def test_a_policy_that_is_not_done_keeps_its_callouts(host: Host) -> None:
    """`proxy_on_done` answers false: until `proxy_done` the answer may come."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.http_call(), done=0)
    request = Request(Chain([load(host, module, net=("auth",))])).close()
    assert request.cancelled == []
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"", [])
    assert "http_call_response 1 0 0" in said(answer)


def ticked(chain: Chain) -> Effects:
    """Wait for a tick that makes a callout."""
    while True:
        effects = chain.tick()[1]
        if effects.callouts:
            return effects


def ticking(host: Host) -> Plugin:
    """Load a guest that makes a callout in every tick."""
    texts = Texts()
    start = f"""(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        {TICK} (i32.const 1))"""
    return load(host, caller(texts, "proxy_on_tick", texts.http_call(), start), net=("auth",))


def test_a_tick_makes_callouts(host: Host) -> None:
    """They belong to no stream, and outlive each of them."""
    chain = Chain([ticking(host)])
    request = Request(chain)
    effects = ticked(chain)
    assert effects.noteworthy
    assert request.close().cancelled == []
    answer = deliver_response(effects.callouts[0].id, RESPONSE, b"fresh", [])
    assert "buffer 4 0 fresh" in said(answer)


def test_the_callouts_of_a_policy_end_with_it(host: Host) -> None:
    """It is replaced or removed, so its callouts are cancelled."""
    chain = Chain([ticking(host)])
    Request(chain).close()
    callouts = [callout.id for callout in ticked(chain).callouts]
    del chain
    assert Chain([]).tick()[1].cancelled == callouts
    assert deliver_response(callouts[0], RESPONSE, b"", []) is None


@pytest.mark.parametrize("callback", ["proxy_on_vm_start", "proxy_on_configure"])
def test_a_start_makes_callouts(host: Host, callback: str) -> None:
    """Each instance that serves makes its own; the one that only tries the configuration none."""
    policy = plugin(host, callback)
    assert Chain([]).tick()[1].callouts == []
    request = Request(Chain([policy]))
    (call,) = request.callouts
    assert "http_call_response 0 0 0" in said(deliver_close(call.id, 14, "refused"))


def test_an_answer_may_ask_again(host: Host) -> None:
    """A callout in the callback of another one; it belongs to the same stream."""
    texts = Texts()
    again = f"(drop (call $effective (global.get $asked))) {texts.http_call()}"
    module = caller(texts, HEADERS, texts.http_call(), on_answer=again)
    request = Request(Chain([load(host, module, net=("auth",))]))
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"", [])
    assert answer is not None
    (second,) = answer.callouts
    assert second.id != request.callouts[0].id
    assert request.close().cancelled == [second.id]


def test_a_crash_cancels_every_callout_of_the_instance(host: Host) -> None:
    """Of all of its streams; the layer above is told in the step that crashed."""
    trap = """(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        unreachable)"""
    chain = Chain([plugin(host, HEADERS, trap, answer=0)])
    one, other = Request(chain, method="POST"), Request(chain, method="POST")
    one.request_body(b"x")
    assert sorted(one.cancelled) == [one.callouts[0].id, other.callouts[0].id]
    assert one.status == 503
    assert deliver_response(other.callouts[0].id, RESPONSE, b"", []) is None


def test_a_crash_in_an_answer_is_the_failure_policy_of_the_stream(host: Host) -> None:
    """503 for the stream that waits; and nothing is left."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.http_call(), on_answer="unreachable")
    request = Request(Chain([load(host, module, net=("auth",))]))
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"", [])
    assert "trapped in proxy_on_http_call_response: unreachable" in said(answer)[-1]
    assert answer is not None
    assert (answer.wake, answer.cancelled) == ([request.stream.id], [])
    assert request.resume().status == 503


def test_a_callback_that_crashes_asked_nothing(host: Host) -> None:
    """What it had asked before is neither performed nor cancelled."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.http_call() + " unreachable")
    request = Request(Chain([load(host, module, net=("auth",))]))
    assert (request.callouts, request.cancelled, request.status) == ([], [], 503)


ASYNCHRONOUS = ("wasmgate.limits.hit",)


def foreign(texts: Texts, name: bytes = b"wasmgate.limits.hit") -> str:
    """Call a foreign function; log its status, and the number in its result."""
    operands = f"{texts.push(name)} {texts.push(b'arguments')}"
    call = f"(call $foreign {operands} (i32.const 128) (i32.const 132))"
    return texts.say(
        "foreign", call, "(i32.load (i32.const 132))", "(i32.load (i32.load (i32.const 128)))"
    )


def functions(host: Host, *allowed: str) -> Request:
    """Drive a request whose policy calls a foreign function that answers later."""
    texts = Texts()
    module = caller(texts, HEADERS, foreign(texts))
    asynchronous = Host(
        cache=str(host.cache), log_level=0, asynchronous_functions=list(ASYNCHRONOUS)
    )
    request = Request(Chain([load(asynchronous, module, foreign_functions=allowed)]))
    request.records += [
        (policy, 0, f"{value} {count}") for policy, _, value, count in asynchronous.denials()
    ]
    return request


def test_a_foreign_function_answers_later(host: Host) -> None:
    """The result is the number of the call, as 4 bytes; the callback has it, and the result."""
    request = functions(host, "wasmgate.limits.hit")
    (call,) = request.callouts
    assert (call.kind, call.name, call.body) == ("foreign", "wasmgate.limits.hit", b"arguments")
    assert request.said == ["foreign 0 4 1"]
    answer = deliver_response(call.id, [], b"result", [])
    assert said(answer) == ["foreign_function 6", "buffer 8 0 result"]
    assert request.resume().passed


def test_a_foreign_function_that_reaches_outside_needs_the_capability(host: Host) -> None:
    """NOT_FOUND, one line and a count."""
    request = functions(host, "other")
    assert request.callouts == []
    line = (
        "PermissionDenied: policy 'guest' may not call 'wasmgate.limits.hit' "
        "(capability foreign_functions)"
    )
    assert line in request.said
    assert request.said[-1] == "wasmgate.limits.hit 1"


def test_a_foreign_function_ends_with_its_stream(host: Host) -> None:
    """Cancelled; the policy is not told, because nothing in it remembers."""
    request = functions(host, "wasmgate.limits.hit").close()
    assert request.cancelled == [request.callouts[0].id]
    assert "foreign_function" not in "".join(request.said[-3:])


def test_a_callout_moves_to_better_code_with_its_instance(tmp_path: Path) -> None:
    """The answer comes while the instance has changed over."""
    texts = Texts()
    module = caller(texts, HEADERS, texts.http_call())
    cache = str(tmp_path / "artifacts")
    compile_artifact(module, cache=cache, tier="fast")
    policy = load(Host(cache=cache, log_level=0), module, net=("auth",))
    request = Request(Chain([policy]))
    compile_artifact(module, cache=cache, tier="optimized")
    assert (policy.improve(module), policy.tier) == (True, "optimized")
    answer = deliver_response(request.callouts[0].id, RESPONSE, b"moved", [])
    assert "buffer 4 0 moved" in said(answer)
    assert request.resume().passed


def test_a_policy_that_leaves_a_shared_vm_ends_its_own_callouts(host: Host) -> None:
    """Those of the others go on, and each is told in the name of its own policy."""
    texts = Texts()
    module = caller(texts, "proxy_on_log", texts.http_call())
    one, two = (
        Chain([load(host, module, name=name, net=("auth",), vm_id="both")])
        for name in ("one", "two")
    )
    first, second = (Request(chain).close().callouts[0] for chain in (one, two))
    assert (host.instances(), first.policy, second.policy) == (1, "one", "two")
    del one
    assert Chain([]).tick()[1].cancelled == [first.id]
    assert deliver_response(first.id, RESPONSE, b"", []) is None
    answer = deliver_response(second.id, RESPONSE, b"", [])
    assert answer is not None
    assert answer.logs[0] == ("two", 2, "http_call_response 1 0 0")
