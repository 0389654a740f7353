"""Files in the place of compiled modules, and compiled modules that are cut while they are in use.

A module is in two files, one for each compiler; what is done here is done to all that are there.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.native.hostile import guest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

GATEWAY = """
listen: 127.0.0.1:0
policies: {crashes: {module: ./crashes.wasm}}
clusters: {site: {endpoints: ["http://127.0.0.1:1"]}}
routes: [{match: {prefix: /}, cluster: site, policies: [crashes]}]
"""
CRASHES = (
    '(import "env" "proxy_get_header_map_value"',
    "  (func $get (param i32 i32 i32 i32 i32) (result i32)))",
    '(data (i32.const 16) "x-attack")',
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (if (i32.eqz (call $get (i32.const 0) (i32.const 16) (i32.const 8) (i32.const 64)",
    "    (i32.const 68))) (then unreachable)) (i32.const 0))",
)
LATEST = 60  # seconds, after which a command hangs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a gateway whose policy crashes on a request with `x-attack`."""
    (tmp_path / "crashes.wasm").write_bytes(guest(*CRASHES))
    (tmp_path / "gateway.yaml").write_text(GATEWAY, "utf-8")
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command on the gateway, with a cache of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "wasmgate", *arguments],
        cwd=folder,
        env={"PATH": "", "WASMGATE_CACHE": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(folder: Path) -> tuple[int, str]:
    """Run `wasmgate check`; gives its exit code and its table."""
    with command(folder, "check", "gateway.yaml") as process:
        try:
            table, _ = process.communicate(timeout=LATEST)
        finally:
            process.kill()
    return process.returncode, table


def artifacts(folder: Path) -> list[Path]:
    """Return the files of compiled modules."""
    found = list((folder / "cache").glob("*.artifact"))
    assert found
    return found


@pytest.fixture
def gateway(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `wasmgate run` with a module that is compiled already; gives the port."""
    assert check(folder)[0] == 0
    with command(folder, "run", "gateway.yaml") as process:
        try:
            assert process.stderr is not None
            found = re.match(r"wasmgate listens on \S+:(\d+) ", process.stderr.readline())
            assert found is not None
            yield process, int(found[1])
        finally:
            process.kill()


def status(port: int, fields: Mapping[str, str]) -> int:
    """Send a request with these fields."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LATEST)
    connection.request("GET", "/", headers=fields)
    answer = connection.getresponse().status
    connection.close()
    return answer


def test_a_crash_after_the_file_was_cut_fails_its_request_alone(
    folder: Path, gateway: tuple[subprocess.Popen[str], int]
) -> None:
    """The code in use is not the file's; 502 is a request that passed the policy."""
    process, port = gateway
    before = status(port, {})
    for path in artifacts(folder):
        path.write_bytes(b"")
    crashes = [status(port, {"x-attack": "1"}) for _ in range(2)]
    assert (before, crashes, status(port, {})) == (502, [503, 503], 502)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LATEST)
    assert (process.returncode, said.count("trapped in proxy_on_request_headers")) == (0, 2)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    """The module is compiled, as if there were no file."""
    assert check(folder)[0] == 0
    for path in artifacts(folder):
        path.unlink()
        os.mkfifo(path, mode=0o600)
    code, table = check(folder)
    assert (code, "compiled" in table) == (0, True)
