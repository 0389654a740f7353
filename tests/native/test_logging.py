"""Logging: levels, `proxy_log`, standard output, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest, wasm, written
from tests.native.scripted import asked, chain
from wasmgate import PolicyLoadError
from wasmgate._native import Chain, Host, printable

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ["trace", "debug", "info", "warn", "error", "critical"]


@pytest.mark.parametrize("number", range(6))
def test_a_line_has_policy_level_and_text(host: Host, number: int) -> None:
    """0 trace to 5 critical."""
    request = Request(chain(host, f"request_headers: log {LEVELS[number]} hello"))
    assert ("guest", number, "hello") in request.records


def test_lines_below_the_hosts_level_are_dropped(artifacts: Path) -> None:
    """Before they cost anything in Python."""
    host = Host(cache=str(artifacts), log_level=3)
    request = Request(chain(host, *(f"request_headers: log {level} -" for level in LEVELS)))
    assert [level for _, level, _ in request.records] == [3, 4, 5]


@pytest.mark.parametrize("number", range(3))
def test_a_guest_can_ask_for_the_level(artifacts: Path, number: int) -> None:
    """`proxy_get_log_level` (0.2.1)."""
    host = Host(cache=str(artifacts), log_level=number)
    assert asked(host, "log_level") == [LEVELS[number].capitalize()]


def test_standard_output_is_info_and_standard_error_is_error(host: Host) -> None:
    """One line each, without its newline."""
    request = Request(chain(host, "request_headers: print out", "request_headers: eprint err"))
    assert ("guest", 2, "out") in request.records
    assert ("guest", 4, "err") in request.records


def test_a_panic_is_in_the_log_and_in_the_error(host: Host) -> None:
    """So that a user learns why."""
    request = Request(chain(host, "request_headers: panic why-not"))
    critical = [text for _, level, text in request.records if level == 5]
    assert request.status == 503
    assert len(critical) == 2
    assert critical[0].endswith("why-not")
    assert (
        critical[1] == f"trapped in proxy_on_request_headers: unreachable; it said: {critical[0]}"
    )


def test_a_callback_may_write_so_much_and_no_more(host: Host) -> None:
    """Each line costs its text and 32 bytes."""
    request = Request(chain(host, "request_headers: log_often 100", log_bytes=400))
    assert [text for text in request.said if text.startswith("line ")] == [
        f"line {number}" for number in range(9)
    ]


def test_a_line_that_is_too_long_is_cut(host: Host) -> None:
    """And says so."""
    request = Request(chain(host, f"request_headers: log info {'x' * 500}", log_bytes=300))
    cut = next(text for text in request.said if "xxx" in text)
    assert cut.endswith("x … (cut: `log_bytes` of this callback used up)")
    assert cut.count("x") < 300


def test_the_next_callback_may_write_again(host: Host) -> None:
    """The share is each callback's."""
    policies = chain(host, "request_headers: log_often 100", "done: log info again", log_bytes=400)
    assert "again" in Request(policies).close().said


def test_a_line_past_the_share_is_ok_for_the_guest(host: Host) -> None:
    """The SDK panics on anything else."""
    assert Request(chain(host, "request_headers: log_often 1000")).passed


FORGED = "ok\nCRITICAL: forged\r\x1b[2J\x1b[31mred\x07\u009b1m\u202edcba\u2028\u2066"
WRITTEN_OUT = (
    r"ok\nCRITICAL: forged\r\u{1b}[2J\u{1b}[31mred\u{7}\u{9b}1m\u{202e}dcba\u{2028}\u{2066}"
)


def forging(*, traps: bool) -> bytes:
    """Make a guest that writes the forged text in every way that it has, and maybe crashes."""
    escaped = "".join(f"\\{byte:02x}" for byte in FORGED.encode())
    size = len(FORGED.encode())
    return guest(
        '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
        '(import "wasi_snapshot_preview1" "fd_write"',
        "  (func $write (param i32 i32 i32 i32) (result i32)))",
        '(import "env" "proxy_send_local_response"',
        "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
        '(import "env" "proxy_call_foreign_function" (func $foreign',
        "  (param i32 i32 i32 i32 i32 i32) (result i32)))",
        f'(data (i32.const 64) "{escaped}")',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        f"  (drop (call $log (i32.const 3) (i32.const 64) (i32.const {size})))",
        f"  (i64.store (i32.const 16) (i64.const {64 | size << 32}))",
        "  (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))",
        "  (drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 24)))",
        f"  (drop (call $foreign (i32.const 64) (i32.const {size}) (i32.const 0) (i32.const 0)",
        "    (i32.const 0) (i32.const 4)))",
        f"  (drop (call $answer (i32.const 200) (i32.const 64) (i32.const {size}) (i32.const 0)",
        "    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))",
        "  unreachable)" if traps else "  (i32.const 0))",
    )


def harmless(text: str) -> bool:
    """Return whether text is one line without anything that a terminal obeys."""
    return printable(text) == text


@pytest.mark.parametrize("traps", [False, True], ids=["goes on", "crashes"])
def test_what_a_guest_says_is_one_harmless_line(host: Host, *, traps: bool) -> None:
    """By `proxy_log`, standard output and error, in details of an answer, in how it crashed."""
    request = Request(Chain([load(host, forging(traps=traps))]))
    assert request.said.count(WRITTEN_OUT) == 3
    assert [text for text in request.said if not harmless(text)] == []
    assert any(text.startswith("trapped in") for text in request.said) == traps


def test_a_module_of_others_forges_no_line(host: Host) -> None:
    """All of its text is one line at its own level."""
    request = Request(Chain([load(host, written("log_forging"))]))
    text = r"ok\nCRITICAL: forged line\n\u{1b}[2J\u{1b}[31mred"
    assert (request.passed, request.records) == (True, [("guest", 3, text)])


def test_names_of_a_module_cannot_forge_lines(host: Host) -> None:
    """Of an import that the host does not have, called; of an ABI that it does not speak."""
    name = "".join(f"\\{byte:02x}" for byte in FORGED.encode())
    calls = guest(
        f'(import "env" "{name}" (func $none))',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (call $none) (i32.const 0))",
    )
    said = Request(Chain([load(host, calls)])).said
    assert [text for text in said if WRITTEN_OUT in text] == said
    with pytest.raises(PolicyLoadError) as refused:
        load(
            host,
            wasm(
                f'(module (memory (export "memory") 1) (func (export "proxy_abi_version_{name}")))'
            ),
        )
    assert harmless(str(refused.value))
