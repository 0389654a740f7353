"""Every hostcall, wherever a plugin may legally reach it, answers what the SDK for Rust can bear.

The SDK (0.2) panics with "unexpected status" on any other; the lists are those of its
`hostcalls.rs`.
"""

from __future__ import annotations

import re

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate._native import Chain, Host

OK, NOT_FOUND, BAD_ARGUMENT, SERIALIZATION, PARSE = range(5)
EMPTY, CAS, INTERNAL = 7, 8, 10

# A sound call: numbers as they are, `b` and `s` a text and its length, `m` and `n` a map, `z` none,
# `o` where to write, `q` a 64-bit number.
CALLS: dict[str, tuple[str, set[int]]] = {
    "proxy_log": ("2 b s", {OK}),
    "proxy_get_log_level": ("o", {OK}),
    "proxy_get_current_time_nanoseconds": ("o", {OK}),
    "proxy_set_tick_period_milliseconds": ("0", {OK}),
    "proxy_get_buffer_bytes": ("0 0 99 o o", {OK, NOT_FOUND}),
    "proxy_get_buffer_status": ("0 o o", {OK, NOT_FOUND}),
    "proxy_set_buffer_bytes": ("0 0 0 b s", {OK}),
    "proxy_get_header_map_pairs": ("0 o o", {OK}),
    "proxy_get_header_map_value": ("0 b s o o", {OK, NOT_FOUND}),
    "proxy_set_header_map_pairs": ("0 m n", {OK}),
    "proxy_add_header_map_value": ("0 b s b s", {OK}),
    "proxy_replace_header_map_value": ("0 b s b s", {OK}),
    "proxy_remove_header_map_value": ("0 b s", {OK}),
    "proxy_continue_stream": ("0", {OK}),
    "proxy_get_status": ("o o o", {OK}),
    "proxy_get_property": ("b s o o", {OK, NOT_FOUND, SERIALIZATION, INTERNAL}),
    "proxy_set_property": ("b s b s", {OK}),
    "proxy_get_shared_data": ("b s o o o", {OK, NOT_FOUND}),
    "proxy_set_shared_data": ("b s b s 0", {OK, CAS}),
    "proxy_register_shared_queue": ("b s o", {OK}),
    "proxy_resolve_shared_queue": ("b s b s o", {OK, NOT_FOUND}),
    "proxy_enqueue_shared_queue": ("99 b s", {OK, NOT_FOUND}),
    "proxy_dequeue_shared_queue": ("99 o o", {OK, NOT_FOUND, EMPTY}),
    "proxy_define_metric": ("0 b s o", {OK}),
    "proxy_record_metric": ("99 q", {OK, NOT_FOUND}),
    "proxy_increment_metric": ("99 q", {OK, NOT_FOUND, BAD_ARGUMENT}),
    "proxy_get_metric": ("99 o", {OK, NOT_FOUND, BAD_ARGUMENT}),
    "proxy_http_call": ("b s m n z z z z 99 o", {OK, BAD_ARGUMENT, INTERNAL}),
    "proxy_grpc_call": ("b s b s b s z z z z 99 o", {OK, PARSE, INTERNAL}),
    "proxy_grpc_stream": ("b s b s b s z z o", {OK, PARSE, INTERNAL}),
    "proxy_grpc_send": ("99 b s 0", {OK, BAD_ARGUMENT, NOT_FOUND}),
    "proxy_grpc_cancel": ("99", {OK, NOT_FOUND}),
    "proxy_grpc_close": ("99", {OK, NOT_FOUND}),
    "proxy_call_foreign_function": (
        "b s b s o o",
        {OK, NOT_FOUND, BAD_ARGUMENT, SERIALIZATION, INTERNAL},
    ),
    "proxy_set_effective_context": ("99", {OK, BAD_ARGUMENT}),
}
# What acts on one phase is called from the callbacks that have it; elsewhere Envoy answers
# BAD_ARGUMENT, too, and so a plugin that does it runs nowhere.
OF_REQUEST_HEADERS = {
    "proxy_set_header_map_pairs",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
}
OF_REQUEST_BODY = {"proxy_set_buffer_bytes"}
OF_STREAM = {"proxy_set_property"}
CALLBACKS = {
    "proxy_on_configure": ("i32 i32", "1"),
    "proxy_on_request_headers": ("i32 i32 i32", "0"),
    "proxy_on_request_body": ("i32 i32 i32", "0"),
    "proxy_on_response_headers": ("i32 i32 i32", "0"),
    "proxy_on_response_body": ("i32 i32 i32", "0"),
    "proxy_on_done": ("i32", "1"),
    "proxy_on_log": ("i32", ""),
}
PLACES = {
    "b": "(i32.const 0)",
    "s": "(i32.const 3)",
    "m": "(i32.const 16)",
    "n": "(i32.const 4)",
    "z": "(i32.const 0)",
    "o": "(i32.const 512)",
    "q": "(i64.const 1)",
}


def reachable(name: str, callback: str) -> bool:
    """Whether a plugin that means well calls this there."""
    if name in OF_REQUEST_HEADERS:
        return callback == "proxy_on_request_headers"
    if name in OF_REQUEST_BODY:
        return callback == "proxy_on_request_body"
    return name not in OF_STREAM or callback != "proxy_on_configure"


CASES = [(name, callback) for name in CALLS for callback in CALLBACKS if reachable(name, callback)]


def asking(name: str, callback: str) -> bytes:
    """Make a guest that calls `name` in `callback`, and logs a letter for the status."""
    arguments = CALLS[name][0].split()
    given = " ".join(PLACES.get(argument, f"(i32.const {argument})") for argument in arguments)
    types = " ".join("i64" if argument == "q" else "i32" for argument in arguments)
    parameters, answer = CALLBACKS[callback]
    result = "(result i32)" if answer else ""
    imports = [f'(import "env" "{name}" (func $call (param {types}) (result i32)))']
    log = "$call"
    if name != "proxy_log":
        imports.append('(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))')
        log = "$log"
    return guest(
        *imports,
        '(data (i32.const 0) "abc")',
        '(data (i32.const 100) "status A")',
        f'(func (export "{callback}") (param {parameters}) {result}',
        f"  (i32.store8 (i32.const 107) (i32.add (i32.const 65) (call $call {given})))",
        f"  (drop (call {log} (i32.const 3) (i32.const 100) (i32.const 8)))",
        f"  {f'(i32.const {answer})' if answer else ''})",
    )


@pytest.mark.parametrize(("name", "callback"), CASES)
def test_a_hostcall_answers_what_the_sdk_bears(host: Host, name: str, callback: str) -> None:
    """With every configuration, also without any capability."""
    policies = Chain([load(host, asking(name, callback))])
    request = Request(policies, method="POST", headers=[(b"content-length", b"1")])
    request.request_body(b"x", end=True).response(200).response_body(b"y", end=True).close()
    said = re.findall(r"status (.)", " ".join(request.said))
    assert said != []
    assert {ord(letter) - ord("A") for letter in said} <= CALLS[name][1]
