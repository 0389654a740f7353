"""What a trace says about why: what held a request, which property was meant, which files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.native.hostile import guest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

HOLDS = guest(
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))',
    '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))',
)
"""Stops the headers until the body has come, as SDKs of other hosts do."""

PATHS = guest(
    '(import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))',
    '(data (i32.const 64) "a.b") (data (i32.const 72) "a\\00b")',
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $get (i32.const 64) (i32.const 3) (i32.const 0) (i32.const 4)))",
    "  (drop (call $get (i32.const 72) (i32.const 3) (i32.const 0) (i32.const 4)))",
    "  (i32.const 0))",
)

OPENS = guest(
    '(import "wasi_snapshot_preview1" "path_open" (func $open',
    "  (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))",
    '(import "wasi_snapshot_preview1" "fd_prestat_get"',
    "  (func $folder (param i32 i32) (result i32)))",
    '(data (i32.const 64) "keys/issuer.pem")',
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $folder (i32.const 3) (i32.const 0)))",
    "  (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 15) (i32.const 0)",
    "    (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 0)))",
    "  (i32.const 0))",
)


def test_a_configuration_that_is_refused_is_named_as_it_was_given(
    tmp_path: Path, wasmgate: Command
) -> None:
    """By the option, or by the file and its line."""
    refused = " ".join(wasmgate("trace", "jwt_auth").stderr.split())
    assert "error: --configuration: policy 'jwt_auth' refused the configuration" in refused
    assert "try: give it one: --configuration FILE" in refused
    (tmp_path / "own.json").write_text('{"algorithms": ["RS256"],\n"keyz": 3}')
    refused = wasmgate("trace", "jwt_auth", "--configuration", "own.json").stderr
    assert "own.json:2: keyz: " in refused


def test_a_head_that_waits_for_its_body_is_told(tmp_path: Path, wasmgate: Command) -> None:
    """With the key of the policy, and the flag that tries it."""
    (tmp_path / "own.wasm").write_bytes(HOLDS)
    (tmp_path / "body").write_bytes(b"x")
    arguments = ("trace", "own.wasm", "--request", "POST:/", "--body", "body")
    held = " ".join(wasmgate(*arguments).stdout.split())
    assert "nothing: policy 'own' holds the head (proxy_on_request_headers answered Pause)" in held
    assert "the policy needs allow_on_headers_stop_iteration" in held
    passed = wasmgate(*arguments, "--allow-on-headers-stop-iteration").stdout
    assert "POST /" in passed.split("the upstream sees")[1]


def test_a_head_without_a_body_that_is_held_is_told(tmp_path: Path, wasmgate: Command) -> None:
    """There is no body that it could wait for."""
    (tmp_path / "own.wasm").write_bytes(HOLDS)
    held = " ".join(wasmgate("trace", "own.wasm").stdout.split())
    assert "answered Pause), and nothing resumed it (proxy_continue_stream)" in held


def test_a_part_of_a_path_with_a_dot_is_in_quotes(tmp_path: Path, wasmgate: Command) -> None:
    """One part is another property than two."""
    (tmp_path / "own.wasm").write_bytes(PATHS)
    shown = wasmgate("trace", "own.wasm").stdout
    assert 'proxy_get_property(path="a.b")' in shown
    assert "proxy_get_property(path=a.b)" in shown


def test_files_that_were_refused_are_told(tmp_path: Path, wasmgate: Command) -> None:
    """By name where the host sees it, else that there were some."""
    (tmp_path / "own.wasm").write_bytes(OPENS)
    shown = wasmgate("trace", "own.wasm").stdout
    assert "own was refused files: keys/issuer.pem" in shown
    assert "own looks for folders and finds none" in shown
    assert "may not read 'keys/issuer.pem' (capability read)" in shown
