"""Policies for the gateway's tests, as WebAssembly text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wasmtime

if TYPE_CHECKING:
    from pathlib import Path

# Holds one phase, PHASE, until a tick lets it go on; says that it holds, and good-bye when a stream
# ends.
HOLDS = """
(module
  (import "env" "proxy_set_tick_period_milliseconds" (func $every (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $act_for (param i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "good-bye")
  (data (i32.const 8) "held")
  (global $held (mut i32) (i32.const 0))
  (global $released (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func $phase (param $context i32) (param $phase i32) (result i32)
    (if (i32.or (i32.ne (local.get $phase) (i32.const PHASE)) (global.get $released))
      (then (return (i32.const 0))))
    (global.set $held (local.get $context))
    (drop (call $log (i32.const 2) (i32.const 8) (i32.const 4)))
    (drop (call $every (i32.const DELAY)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $phase (local.get 0) (i32.const 0)))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $phase (local.get 0) (i32.const 1)))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $phase (local.get 0) (i32.const 2)))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $phase (local.get 0) (i32.const 3)))
  (func (export "proxy_on_tick") (param i32)
    (if (i32.eqz (global.get $held)) (then (return)))
    (drop (call $act_for (global.get $held)))
    (global.set $held (i32.const 0))
    (global.set $released (i32.const 1))
    (drop (call $continue (i32.ge_u (i32.const PHASE) (i32.const 2))))
    (drop (call $every (i32.const 0))))
  (func (export "proxy_on_log") (param i32)
    (drop (call $log (i32.const 2) (i32.const 0) (i32.const 8)))))
"""

# The same, but instead of letting it go on, the tick answers 403.
HOLDS_THEN_REFUSES = HOLDS.replace(
    '(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))',
    '(import "env" "proxy_send_local_response"'
    " (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
).replace(
    "(drop (call $continue (i32.ge_u (i32.const PHASE) (i32.const 2))))",
    "(drop (call $respond (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8)"
    " (i32.const 0) (i32.const 0) (i32.const -1)))",
)

# Has something to say about each part of the response, and changes nothing.
LOGS = """
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a part")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (drop (call $log (i32.const 2) (i32.const 0) (i32.const 6)))
    (i32.const 0)))
"""

# Answers 403 in one phase, PHASE.
REFUSES = """
(module
  (import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "refused")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func $phase (param $phase i32) (result i32)
    (if (i32.ne (local.get $phase) (i32.const PHASE)) (then (return (i32.const 0))))
    (drop (call $respond (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $phase (i32.const 0)))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $phase (i32.const 1)))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $phase (i32.const 2))))
"""

REQUEST_HEAD, REQUEST_BODY, RESPONSE_HEAD, RESPONSE_BODY = range(4)


def with_policy(folder: Path, text: str, phase: int, *, delay: int = 30) -> dict[str, Any]:
    """Write a guest's module; gives the parts of a configuration that send everything through it.

    `delay` is in milliseconds.
    """
    module = folder / "guest.wasm"
    source = text.replace("PHASE", str(phase)).replace("DELAY", str(delay))
    module.write_bytes(wasmtime.wat2wasm(source))
    return {"policies": {"guest": {"module": str(module)}}, "default_policies": ["guest"]}
