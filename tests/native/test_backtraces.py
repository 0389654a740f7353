"""Where a guest crashed, by the names of its functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

CRASHES = guest(
    "(func $_ZN6policy5check17h0123456789abcdefE unreachable)",
    "(func $rules (call $_ZN6policy5check17h0123456789abcdefE))",
    '(func $entry (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (call $rules) (i32.const 0))",
)
"""Names of Rust are mangled; two calls deep."""

RECURSES = guest(
    "(func $deep (param i32) (result i32)",
    "  (if (i32.eqz (local.get 0)) (then unreachable))",
    "  (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))",
    '(func $entry (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (call $deep (i32.const 50)))",
)
NAMELESS = guest(
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)',
)


def told(host: Host, module: bytes) -> list[str]:
    """Return the lines that the crash of a request is logged with."""
    request = Request(Chain([load(host, module)]))
    (message,) = [text for _, level, text in request.records if level == 5]
    return message.splitlines()


def test_a_trap_tells_where(host: Host) -> None:
    """Innermost first, names of Rust readable."""
    assert told(host, CRASHES)[1:] == ["  at policy::check", "  at rules", "  at entry"]


@pytest.mark.parametrize("load_number", [1, 2])
def test_names_come_from_the_cache_too(artifacts: Path, host: Host, load_number: int) -> None:
    """Compiled now, or loaded."""
    del host
    for _ in range(load_number):
        lines = told(Host(cache=str(artifacts)), CRASHES)
    assert lines[1] == "  at policy::check"


def test_twenty_frames_are_enough(host: Host) -> None:
    """The rest is counted."""
    lines = told(host, RECURSES)[1:]
    assert (len(lines), lines[0], lines[-1]) == (21, "  at deep", "  at and 32 more")


def test_without_names_there_are_no_frames(host: Host) -> None:
    """Numbers help nobody."""
    assert len(told(host, NAMELESS)) == 1
