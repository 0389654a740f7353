"""WASI, as far as the standard library of a guest asks it."""

from __future__ import annotations

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from tests.native.scripted import asked, chain
from wasmgate._native import Chain, Host


def test_random_numbers_differ(host: Host) -> None:
    """`random_get`, also from one instance to the next."""
    first = Request(chain(host, "request_headers: random"))
    second = Request(chain(host, "request_headers: random"))
    assert first.said[-1] != second.said[-1]


def test_no_environment_variable_is_seen(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own are not the guest's."""
    monkeypatch.setenv("SECRET", "x")
    assert asked(host, "environment SECRET", "environment") == ["None", "0"]


def test_an_allowed_environment_variable_is_seen(host: Host) -> None:
    """With the value that it had when the policy was loaded."""
    got = asked(host, "environment REGION", "environment", environment={"REGION": "eu"})
    assert got == ['Some("eu")', "1"]


def test_there_are_no_arguments(host: Host) -> None:
    """`args_sizes_get`."""
    assert asked(host, "arguments") == ["0"]


ERRNOS = {
    ("fd_close", "(param i32)", "(i32.const 1)"): 0,
    (
        "fd_seek",
        "(param i32 i64 i32 i32)",
        "(i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0)",
    ): 70,
    ("clock_time_get", "(param i32 i64 i32)", "(i32.const 2) (i64.const 0) (i32.const 64)"): 58,
    (
        "fd_write",
        "(param i32 i32 i32 i32)",
        "(i32.const 0) (i32.const 64) (i32.const 0) (i32.const 80)",
    ): 8,
    ("fd_fdstat_get", "(param i32 i32)", "(i32.const 0) (i32.const 64)"): 8,
    ("random_get", "(param i32 i32)", "(i32.const 64) (i32.const 65537)"): 28,
}


@pytest.mark.parametrize(
    ("call", "errno"), ERRNOS.items(), ids=lambda row: row[0] if isinstance(row, tuple) else ""
)
def test_other_numbers(host: Host, call: tuple[str, str, str], errno: int) -> None:
    """Beside those of docs/reference/wasi.md, which another test compares."""
    name, params, arguments = call
    module = guest(
        f'(import "wasi_snapshot_preview1" "{name}" (func $subject {params} (result i32)))',
        '(import "env" "proxy_send_local_response"',
        "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        f"  (call $answer (i32.add (i32.const 200) (call $subject {arguments}))",
        "    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
        "    (i32.const -1)))",
    )
    assert Request(Chain([load(host, module)])).status == 200 + errno
