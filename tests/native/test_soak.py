"""Callouts without a response, with two or with a late one leave nothing behind."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate._native import (
    Chain,
    Host,
    deliver_close,
    deliver_response,
    pending_callouts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

EXCHANGES = 20_000
WARM_UP = 2_000
GROWTH = 4_000_000
"""Bytes that the process may grow by: a leak of 300 bytes an exchange is more."""

CLUSTER = b"cluster"
FIELDS = [(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")]


def serialized(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return a map as guests write it."""
    words = [len(fields), *(len(part) for field in fields for part in field)]
    head = b"".join(word.to_bytes(4, "little") for word in words)
    return head + b"".join(part + b"\0" for field in fields for part in field)


def escaped(data: bytes) -> str:
    """Return bytes as WebAssembly text has them."""
    return "".join(f"\\{byte:02x}" for byte in data)


MAP = serialized(FIELDS)
CALL = f"""(drop (call $http (i32.const 64) (i32.const {len(CLUSTER)}) (i32.const 128)
  (i32.const {len(MAP)}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
  (i32.const 1000) (i32.const 0)))"""
CONTEXTS = (
    """(import "env" "proxy_http_call" (func $http
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))""",
    '(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))',
    '(import "env" "proxy_increment_metric" (func $count (param i32 i64) (result i32)))',
    f'(data (i32.const 64) "{escaped(CLUSTER)}") (data (i32.const 128) "{escaped(MAP)}")',
    '(data (i32.const 512) "contexts")',
    """(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $define (i32.const 1) (i32.const 512) (i32.const 8) (i32.const 600)))
      (i32.const 1))""",
    """(func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1)
      (then (drop (call $count (i32.load (i32.const 600)) (i64.const 1))))))""",
    """(func (export "proxy_on_delete") (param i32)
      (drop (call $count (i32.load (i32.const 600)) (i64.const -1))))""",
    f"""(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {CALL} {CALL}
      (i32.and (local.get 1) (i32.const 1)))""",
    f"""(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) {CALL}
      (i32.const 0))""",
    f"""(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) {CALL}
      (i32.sub (i32.const 1) (local.get 2)))""",
    '(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32))',
)
"""A guest that counts its streams, pauses odd requests, and calls out in three phases."""


def resident() -> int:
    """Return the bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def answered(chance: random.Random, ids: list[int]) -> None:
    """Answer some, some twice or by another kind, and some not at all."""
    for id_ in ids:
        for _ in range(chance.choice((0, 0, 1, 2))):
            kind = chance.randrange(3)
            if kind == 0:
                deliver_response(id_, [(b":status", b"200")], b"x" * 100, [])
            elif kind == 1:
                deliver_close(id_, 14, "gone")
            else:
                deliver_response(id_, [], b"+OK\r\n", [])


def exchange(chance: random.Random, chain: Chain) -> None:
    """Go through the phases of a request, and away at any of them."""
    headers = [(b"x", b"y")] * chance.randrange(2)
    request = Request(chain, method="POST", headers=[*headers, (b"content-length", b"3")])
    phases: tuple[Callable[[], Request], ...] = (
        lambda: request.request_body(b"abc", end=True),
        lambda: request.response(200),
        lambda: request.response_body(b"d" * 1000, end=False),
        lambda: request.response_body(b"e", end=True),
    )
    for phase in phases[: chance.randrange(len(phases) + 1)]:
        answered(chance, [callout.id for callout in request.callouts])
        phase()
    request.close()
    answered(chance, [callout.id for callout in request.callouts])


def test_nothing_is_left_of_exchanges_with_bad_callouts(artifacts: Path) -> None:
    """Instances, contexts, callouts and memory are as they were, after 20,000 of them."""
    host = Host(cache=str(artifacts), log_level=4)
    plugin = load(host, guest(*CONTEXTS), net=("cluster",), metrics=("contexts",))
    chain = Chain([plugin])
    others = pending_callouts()
    chance = random.Random(5)  # noqa: S311 (a choice, no secret)
    for _ in range(WARM_UP):
        exchange(chance, chain)
    before = resident()
    for _ in range(EXCHANGES):
        exchange(chance, chain)
    assert (host.instances(), pending_callouts()) == (1, others)
    assert host.metrics() == [("contexts", "gauge", 0)]
    assert resident() - before < GROWTH
    del plugin, chain
    assert host.instances() == 0
