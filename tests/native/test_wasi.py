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
    ("fd_close", "(param i32)", "(i32.const 3)"): 0,
    (
        "fd_seek",
        "(param i32 i64 i32 i32)",
        "(i32.const 3) (i64.const 0) (i32.const 0) (i32.const 0)",
    ): 0,
    ("fd_prestat_get", "(param i32 i32)", "(i32.const 3) (i32.const 64)"): 8,
    (
        "fd_read",
        "(param i32 i32 i32 i32)",
        "(i32.const 0) (i32.const 64) (i32.const 1) (i32.const 80)",
    ): 52,
    ("path_unlink_file", "(param i32 i32 i32)", "(i32.const 3) (i32.const 64) (i32.const 1)"): 58,
    ("sock_accept", "(param i32 i32 i32)", "(i32.const 3) (i32.const 0) (i32.const 64)"): 58,
    ("proc_raise", "(param i32)", "(i32.const 9)"): 58,
    ("sched_yield", "", ""): 0,
    ("clock_time_get", "(param i32 i64 i32)", "(i32.const 2) (i64.const 0) (i32.const 64)"): 58,
    ("clock_res_get", "(param i32 i32)", "(i32.const 1) (i32.const 64)"): 0,
    (
        "fd_write",
        "(param i32 i32 i32 i32)",
        "(i32.const 3) (i32.const 64) (i32.const 0) (i32.const 80)",
    ): 8,
    ("fd_fdstat_get", "(param i32 i32)", "(i32.const 0) (i32.const 64)"): 8,
    ("random_get", "(param i32 i32)", "(i32.const 64) (i32.const 65537)"): 28,
    (
        "poll_oneoff",
        "(param i32 i32 i32 i32)",
        "(i32.const 64) (i32.const 64) (i32.const 1) (i32.const 80)",
    ): 0,
    (
        "path_open",
        "(param i32 i32 i32 i32 i32 i64 i64 i32 i32)",
        (
            "(i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 0) (i64.const 0)"
            " (i64.const 0) (i32.const 0) (i32.const 80)"
        ),
    ): 44,
}
"""Envoy's numbers, which Go and AssemblyScript guests are known to bear."""


@pytest.mark.parametrize(
    ("call", "errno"), ERRNOS.items(), ids=lambda row: row[0] if isinstance(row, tuple) else ""
)
def test_what_has_no_device_behind_it_answers_an_errno(
    host: Host, call: tuple[str, str, str], errno: int
) -> None:
    """No file, no socket, no process."""
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
