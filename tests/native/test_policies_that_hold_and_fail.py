"""What a policy held goes on, or is answered, when it fails; what ended streams keep is small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import wasm
from tests.native.scripted import scripted
from wasmgate._native import Chain, Host, held_bytes, kept_streams

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = [(b"content-length", b"4")]


def guest(*functions: str, pages: int = 1) -> bytes:
    """Make a guest of these functions."""
    return wasm(
        f"""(module {" ".join(functions)} (memory (export "memory") {pages})
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 32768)))"""
    )


def test_a_response_that_a_policy_held_goes_on_when_the_request_crashes_it(host: Host) -> None:
    """An open policy is as if it were not there, in both directions."""
    holder = guest(
        """(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
          (i32.const 4))""",
        """(func (export "proxy_on_request_body") (param i32) (param $size i32) (param $end i32)
          (result i32) (if (local.get $end) (then unreachable)) (i32.const 0))""",
    )
    chain = Chain([load(host, holder, fail_open=True)])
    request = Request(chain, method="POST", headers=LENGTH)
    request.request_body(b"ab")
    request.response(200, [])
    held = request.status
    request.request_body(b"cd", end=True)
    request.response_body(b"ok", end=True)
    assert (held, request.upstream.ended, request.status) == (None, True, 200)
    assert (request.client.body, request.client.ended) == (b"ok", True)


def test_a_body_that_a_policy_held_goes_on_when_the_response_crashes_it(host: Host) -> None:
    """What it buffered, and what comes later."""
    holder = guest(
        """(func (export "proxy_on_request_body") (param i32 i32) (param $end i32) (result i32)
          (i32.eqz (local.get $end)))""",
        '(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) unreachable)',
    )
    chain = Chain([load(host, holder, fail_open=True)])
    request = Request(chain, method="POST", headers=[(b"content-length", b"6")])
    request.request_body(b"ab")
    request.response(200, [])
    request.request_body(b"cd")
    request.request_body(b"ef", end=True)
    assert (request.upstream.body, request.upstream.ended) == (b"abcdef", True)
    request.response_body(b"ok", end=True)
    assert (request.status, request.client.body) == (200, b"ok")


# Of two policies in one VM the one whose configuration has a byte holds the head; the other one
# crashes on a body.
SHARED = (
    "(global $holder (mut i32) (i32.const -1))",
    """(func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
      (if (local.get $size) (then (global.set $holder (local.get $root)))) (i32.const 1))""",
    """(func (export "proxy_on_context_create") (param $context i32) (param $parent i32)
      (i32.store8 (i32.add (i32.const 1024) (local.get $context)) (local.get $parent)))""",
    """(func $holds (param $context i32) (result i32) (i32.eq (global.get $holder)
      (i32.load8_u (i32.add (i32.const 1024) (local.get $context)))))""",
    """(func (export "proxy_on_request_headers") (param $context i32) (param i32 i32) (result i32)
      (if (result i32) (call $holds (local.get $context))
        (then (i32.const 4)) (else (i32.const 0))))""",
    """(func (export "proxy_on_request_body") (param $context i32) (param i32 i32) (result i32)
      (if (call $holds (local.get $context)) (then (return (i32.const 0)))) unreachable)""",
)


@pytest.mark.parametrize("fail_open", [True, False])
def test_a_stream_hears_of_its_own_crash(host: Host, fail_open: bool) -> None:  # noqa: FBT001 (parameter)
    """The policy that held it in the crashed instance gets its failure policy in the same step."""
    module = guest(*SHARED)
    crasher = load(host, module, name="a", vm_id="v", fail_open=True)
    holder = load(host, module, name="b", vm_id="v", configuration=b"h", fail_open=fail_open)
    request = Request(Chain([crasher, holder]), method="POST", headers=LENGTH)
    assert not request.passed
    request.request_body(b"ab")
    assert (request.passed, request.status) == ((True, None) if fail_open else (False, 503))
    request.request_body(b"cd", end=True)
    assert (request.upstream.body == b"abcd") is fail_open


def holding(host: Host) -> Chain:
    """Make a policy that buffers bodies and waits for `proxy_done`."""
    buffers = (
        '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 1))'
    )
    waits = '(func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))'
    return Chain([load(host, guest(buffers, waits))])


def answering(host: Host) -> Chain:
    """Make a policy that answers when the stream has ended, and waits for `proxy_done`."""
    answers = """(import "env" "proxy_send_local_response"
        (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (func (export "proxy_on_done") (param i32) (result i32)
        (drop (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 1000000) (i32.const 0) (i32.const 0) (i32.const -1))) (i32.const 0))"""
    return Chain([load(host, guest(answers, pages=20))])


def resident() -> int:
    """Return the pages that the process has in memory."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 (not a file)
        return int(statm.read().split()[1])


@pytest.mark.parametrize("chain_of", [holding, answering])
def test_a_stream_that_waits_for_proxy_done_keeps_no_body(
    host: Host, chain_of: Callable[[Host], Chain]
) -> None:
    """Its heads stay; what it held and asked can have no effect any more."""
    chain = chain_of(host)
    kept, held, before = kept_streams(), held_bytes(), resident()
    for _ in range(100):
        request = Request(chain, method="POST", headers=[(b"content-length", b"1000000")])
        request.request_body(bytes(999_999))
        request.close()
    assert (kept_streams() - kept, held_bytes() - held) == (100, 0)
    assert (resident() - before) * 4096 < 50_000_000


def test_the_guard_of_foreign_functions_nests() -> None:
    """One that starts a policy whose start calls another one is still guarded afterwards."""
    answers: list[str] = []
    inner = Host(log_level=0, foreign_functions={"acme.inner": lambda _: b"in"})

    def outer(_: bytes) -> bytes:
        scripted(inner, "configure: foreign acme.inner 6869", foreign_functions=("acme.inner",))
        try:
            other.stream.on_request_body(b"x", True)  # noqa: FBT003 (positional only)
        except RuntimeError as error:
            answers.append(type(error).__name__)
        return b"out"

    host = Host(log_level=0, foreign_functions={"acme.outer": outer})
    policy = scripted(
        host, "request_body: foreign acme.outer 6869", foreign_functions=("acme.outer",)
    )
    chain = Chain([policy])
    other = Request(chain, method="POST", headers=LENGTH)
    Request(chain, method="POST", headers=LENGTH).request_body(b"x", end=True)
    assert answers == ["RuntimeError"]


def test_contexts_of_a_plugin_that_is_gone_end_in_the_turns_of_another_host() -> None:
    """They are counted until then."""
    host, other = Host(log_level=2), Host(log_level=2)
    kept = kept_streams()
    chain = Chain([scripted(host, "done: wait")])
    keeper = Chain([scripted(other, name="other")])
    Request(keeper).close()
    for _ in range(500):
        Request(chain).close()
    del chain
    assert host.contexts() == kept_streams() - kept > 0
    for _ in range(5000):
        wait, _effects = keeper.tick()
        if wait is None:
            break
    assert (host.contexts(), kept_streams()) == (0, kept)


# Contexts wait for `proxy_done`; a request with a fifth field calls it for all of them. Each
# `proxy_on_log` says so.
WAITING = (
    '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
    '(import "env" "proxy_done" (func $finish (result i32)))',
    '(import "env" "proxy_set_effective_context" (func $act_on (param i32) (result i32)))',
    '(global $last (mut i32) (i32.const 0)) (data (i32.const 0) "ended")',
    """(func (export "proxy_on_context_create") (param $context i32) (param i32)
      (global.set $last (local.get $context)))""",
    '(func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))',
    """(func (export "proxy_on_log") (param i32)
      (drop (call $log (i32.const 2) (i32.const 0) (i32.const 5))))""",
    """(func (export "proxy_on_request_headers") (param i32) (param $fields i32) (param i32)
      (result i32) (local $context i32)
      (if (i32.eq (local.get $fields) (i32.const 5)) (then (loop $next
        (local.set $context (i32.add (local.get $context) (i32.const 1)))
        (if (i32.eqz (call $act_on (local.get $context))) (then (drop (call $finish))))
        (br_if $next (i32.lt_u (local.get $context) (global.get $last))))))
      (i32.const 0))""",
)


def test_streams_of_a_plugin_that_is_gone_end_in_its_own_name() -> None:
    """Also behind those of another plugin of its VM: its root context ends after them."""
    host = Host(log_level=2, clock=0)
    module = guest(*WAITING)
    gone = Chain([load(host, module, name="gone", vm_id="v", log_bytes=1 << 20)])
    stays = Chain([load(host, module, name="stays", vm_id="v", log_bytes=1 << 20)])
    for chain, streams in ((stays, 60), (gone, 20)):
        for _ in range(streams):
            Request(chain).close()
    finisher = Request(stays, headers=[(b"x-finish", b"1")])
    said = [policy for policy, _, text in finisher.records if text == "ended"]
    del gone, chain
    for _ in range(200):
        host.advance(1.0)
        _, effects = stays.tick()
        said += [policy for policy, _, text in effects.logs if text == "ended"]
    assert (said.count("stays"), said.count("gone")) == (60, 20)
    finisher.close()
