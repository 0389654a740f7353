"""Where a guest crashed, by the names of its functions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate import Limits, Policy, PolicyLoadError
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
    return crash(Chain([load(host, module)]))


def crash(chain: Chain) -> list[str]:
    """Send a request and return the lines that its crash is logged with."""
    request = Request(chain)
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


def test_names_that_ship_apart_are_read_at_the_crash(tmp_path: Path, host: Host) -> None:
    """Not before: the file comes after the policy was loaded."""
    file = tmp_path / "own.symbols"
    chain = Chain([load(host, NAMELESS, symbols=file)])
    file.write_bytes(names_of(NAMELESS))
    assert crash(chain)[1:] == ["  at policy::check"]


def test_names_of_another_module_are_not_shown(tmp_path: Path, host: Host) -> None:
    """A wrong name is worse than none."""
    (tmp_path / "own.symbols").write_bytes(names_of(CRASHES))
    chain = Chain([load(host, NAMELESS, symbols=tmp_path / "own.symbols")])
    assert crash(chain)[1:] == []


def names_of(module: bytes) -> bytes:
    """Write symbols that name function 0 of a module."""
    digest = hashlib.sha256(module).hexdigest().encode()
    name = b"_ZN6policy5check17h0123456789abcdefE"
    functions = b"\1\0" + bytes([len(name)]) + name
    parts = b"\4name\1" + bytes([len(functions)]) + functions
    return b"\0asm\1\0\0\0\0\x50\x0fwasmgate.module" + digest + b"\0" + bytes([len(parts)]) + parts


@pytest.mark.parametrize("name", ["jwt_auth", "rate_limit", "rewrite"])
def test_a_bundled_policy_tells_where(name: str, tmp_path: Path) -> None:
    """Its names are beside it: here of the start, which has too little fuel."""
    # White space takes fuel to read; more than what making the instance leaves of `start_fuel`.
    text, limits = " " * 300_000 + "{}", Limits(start_fuel=200_000)
    with pytest.raises(PolicyLoadError) as caught:
        Policy(name, configuration=text, limits=limits).load(Host(cache=str(tmp_path)))
    place = f"  at <{name}::context::Root as proxy_wasm::traits::RootContext>::on_configure"
    assert place in str(caught.value).splitlines()


def test_twenty_frames_are_enough(host: Host) -> None:
    """The rest is counted."""
    lines = told(host, RECURSES)[1:]
    assert (len(lines), lines[0], lines[-1]) == (21, "  at deep", "  at and 32 more")


def test_without_names_there_are_no_frames(host: Host) -> None:
    """Function indices alone do not help."""
    assert len(told(host, NAMELESS)) == 1
