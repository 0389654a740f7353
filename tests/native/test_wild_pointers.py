"""Wild pointers and huge lengths in every hostcall: a status, never a crash.

The tables write down one sound call of each function: numbers as they are, `b` the address of
bytes and `s` how many they are, `z` the address of zeros, `o` an address to write to, `q` a 64-bit
number. Each `b`, `z`, `o` and `s` in turn becomes wild.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate._native import Chain, Host

NAME = "plugin_name"
"""The bytes: a property, a field of the request, and what `PREPARE` stores things under."""

PROXY = {
    "proxy_set_effective_context": "1",
    "proxy_done": "",
    "proxy_log": "2 b s",
    "proxy_get_log_level": "o",
    "proxy_get_current_time_nanoseconds": "o",
    "proxy_set_tick_period_milliseconds": "0",
    "proxy_set_buffer_bytes": "0 0 0 b s",
    "proxy_get_buffer_bytes": "7 0 99 o o",
    "proxy_get_buffer_status": "7 o o",
    "proxy_get_header_map_size": "0 o",
    "proxy_get_header_map_pairs": "0 o o",
    "proxy_set_header_map_pairs": "0 b s",
    "proxy_get_header_map_value": "0 b s o o",
    "proxy_add_header_map_value": "0 b s b s",
    "proxy_replace_header_map_value": "0 b s b s",
    "proxy_remove_header_map_value": "0 b s",
    "proxy_continue_stream": "0",
    "proxy_close_stream": "0",
    "proxy_get_status": "o o o",
    "proxy_send_local_response": "200 b s b s b s -1",
    "proxy_http_call": "b s b s b s b s 1000 o",
    "proxy_grpc_call": "b s b s b s b s b s 1000 o",
    "proxy_grpc_stream": "b s b s b s b s o",
    "proxy_grpc_send": "1 b s 1",
    "proxy_grpc_cancel": "1",
    "proxy_grpc_close": "1",
    "proxy_redis_init": "b s b s b s 1000",
    "proxy_redis_call": "b s b s o",
    "proxy_set_shared_data": "b s b s 0",
    "proxy_get_shared_data": "b s o o o",
    "proxy_register_shared_queue": "b s o",
    "proxy_resolve_shared_queue": "b s b s o",
    "proxy_enqueue_shared_queue": "1 b s",
    "proxy_dequeue_shared_queue": "1 o o",
    "proxy_define_metric": "0 b s o",
    "proxy_record_metric": "1 q",
    "proxy_increment_metric": "1 q",
    # The number of a metric that the capabilities do not name.
    "proxy_get_metric": "4294967295 o",
    "proxy_get_property": "b s o o",
    "proxy_set_property": "b s b s",
    "proxy_call_foreign_function": "b s b s o o",
    "proxy_continue_request": "",
    "proxy_continue_response": "",
    "proxy_clear_route_cache": "",
    "proxy_get_configuration": "o o",
    "proxy_inject_encoded_data_to_filter_chain": "b s 0",
    "proxy_get_upstream_hosts": "o o",
    "proxy_set_upstream_override_host": "b s",
    "emscripten_notify_memory_growth": "1",
    "pthread_equal": "1 1",
    "emscripten_get_now": "",
    "emscripten_date_now": "",
    "emscripten_get_now_res": "",
    "_emscripten_get_now_is_monotonic": "",
}

WASI = {
    "args_sizes_get": "o o",
    "environ_get": "o o",
    "environ_sizes_get": "o o",
    "clock_res_get": "0 o",
    "clock_time_get": "0 q o",
    "random_get": "b s",
    "fd_fdstat_get": "1 o",
    "fd_write": "1 z 1 o",
    "poll_oneoff": "0 0 1 o",
}
"""The functions of WASI that this host performs and that have pointers."""

ABSENT = {
    "proxy_call_foreign_function",
    "proxy_get_upstream_hosts",
    "proxy_set_upstream_override_host",
}
"""They are not implemented, so they accept any pointers."""

SOUND = {"b": 64, "s": len(NAME), "z": 512, "o": 1024, "q": 0}
# The guests have one page: the second address is two bytes before its end.
WILD = {"b": (0xFFFF_FFF0, 0xFFFE), "z": (0xFFFF_FFF0, 0xFFFE), "o": (0xFFFF_FFF0, 0xFFFE)}
HUGE = {"s": (0xFFFF_FFFF, 0x1_0000)}
INVALID_MEMORY_ACCESS = 6
NOTHING_THERE = {1, 10}
FAULT, INVALID = 21, 28

PREPARE = guest(
    '(import "env" "proxy_set_shared_data"',
    "  (func $store (param i32 i32 i32 i32 i32) (result i32)))",
    '(import "env" "proxy_register_shared_queue" (func $open (param i32 i32 i32) (result i32)))',
    '(import "env" "proxy_enqueue_shared_queue" (func $put (param i32 i32 i32) (result i32)))',
    '(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))',
    f'(data (i32.const 64) "{NAME}")',
    '(func (export "proxy_on_configure") (param i32 i32) (result i32)',
    "  (local $times i32)",
    "  (drop (call $store (i32.const 64) (i32.const 11) (i32.const 64) (i32.const 11)",
    "    (i32.const 0)))",
    "  (drop (call $open (i32.const 64) (i32.const 11) (i32.const 0)))",
    "  (drop (call $define (i32.const 0) (i32.const 64) (i32.const 11) (i32.const 0)))",
    "  (loop $again",
    "    (drop (call $put (i32.const 1) (i32.const 64) (i32.const 11)))",
    "    (local.set $times (i32.add (local.get $times) (i32.const 1)))",
    "    (br_if $again (i32.lt_u (local.get $times) (i32.const 9))))",
    "  (i32.const 1))",
)
"""Stores what the calls read: shared data, queue 1 with nine values, metric 1."""


def spoilt(call: str) -> list[list[str]]:
    """Write the call down once for each letter and each value that spoils it."""
    letters = call.split()
    calls = []
    for position, letter in enumerate(letters):
        for value in (WILD | HUGE).get(letter, ()):
            numbers = [str(SOUND.get(other, other)) for other in letters]
            numbers[position] = str(value)
            calls.append(numbers)
    return calls


def calling(module: str, name: str, call: str) -> bytes:
    """Make a guest that makes the spoilt calls and logs a character for each answer."""
    kinds = ["i64" if letter == "q" else "i32" for letter in call.split()]
    calls = spoilt(call)
    stores = []
    for number, constants in enumerate(calls):
        pushed = " ".join(f"({k}.const {c})" for k, c in zip(kinds, constants, strict=True))
        answer = f"(i32.add (i32.const 32) (call $subject {pushed}))"
        stores.append(f"(i32.store8 (i32.const {2048 + number}) {answer})")
    return guest(
        f'(import "{module}" "{name}" (func $subject (param {" ".join(kinds)}) (result i32)))',
        '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
        f'(data (i32.const 64) "{NAME}")',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        *stores,
        f"  (drop (call $log (i32.const 5) (i32.const 2048) (i32.const {len(calls)})))",
        "  (i32.const 0))",
    )


def answers(host: Host, module: str, name: str, call: str) -> list[int]:
    """Return what the guest was answered, in order; afterwards another request passes."""
    prepared = load(host, PREPARE, name=NAME)
    plugin = load(
        host,
        calling(module, name, call),
        name=NAME,
        configuration=b"configuration",
        environment={"A": "b"},
    )
    chain = Chain([plugin])
    request = Request(chain, headers=[(NAME.encode(), b"value")])
    assert "trapped" not in "".join(request.said)
    Request(chain).close()
    assert Request(Chain([prepared])).passed
    return [ord(answer) - 32 for answer in request.said[-1]]


@pytest.mark.parametrize("name", [name for name in PROXY if spoilt(PROXY[name])])
def test_a_hostcall_says_that_a_pointer_is_wild(host: Host, name: str) -> None:
    """Status 6, unless there is nothing that it could do anyway."""
    allowed = {INVALID_MEMORY_ACCESS} | (NOTHING_THERE if name in ABSENT else set())
    assert set(answers(host, "env", name, PROXY[name])) <= allowed


@pytest.mark.parametrize("module", ["wasi_snapshot_preview1", "wasi_unstable"])
@pytest.mark.parametrize("name", WASI)
def test_a_function_of_wasi_says_that_a_pointer_is_wild(host: Host, module: str, name: str) -> None:
    """EFAULT; a length that is too much for any guest is EINVAL."""
    assert set(answers(host, module, name, WASI[name])) <= {FAULT, INVALID}


def test_every_hostcall_is_called() -> None:
    """A hostcall that is added comes into the table."""
    abi = Path(__file__).parents[2] / "rust" / "host" / "src" / "abi"
    rows = re.findall(r'"(proxy_\w+)" =>', (abi / "hostcalls.rs").read_text("utf-8"))
    others = re.findall(r'\("(\w+)", &\[', (abi / "signatures.rs").read_text("utf-8"))
    assert {*rows, *others} - {"proc_exit"} == set(PROXY)
