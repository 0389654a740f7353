"""`wasmgate replay`, and `wasmgate.replay` for tests of one's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.native.hostile import guest
from wasmgate import ConfigError
from wasmgate.replay import replay

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

CLOCK_AND_CHANCE = guest(
    '(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))',
    '(import "wasi_snapshot_preview1" "random_get"',
    "  (func $random (param i32 i32) (result i32)))",
    '(import "env" "proxy_send_local_response"',
    "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $now (i32.const 64)))",
    "  (drop (call $random (i32.const 72) (i32.const 8)))",
    "  (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 16)",
    "    (i32.const 0) (i32.const 0) (i32.const -1)))",
)
"""Answers with the time and eight random bytes."""

TEAPOT = guest(
    '(import "env" "proxy_send_local_response"',
    "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (call $answer (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
    "    (i32.const 0) (i32.const 0) (i32.const -1)))",
)


@pytest.fixture
def recording(tmp_path: Path, wasmgate: Command) -> Path:
    """Record a request that depends on time and chance."""
    (tmp_path / "own.wasm").write_bytes(CLOCK_AND_CHANCE)
    done = wasmgate("trace", "own.wasm", "--record", "own.json")
    assert (done.returncode, done.stderr) == (0, "recorded: wasmgate replay own.json\n")
    return tmp_path / "own.json"


def test_the_same_policy_does_the_same(recording: Path, wasmgate: Command) -> None:
    """At the same time, with the same chance."""
    done = wasmgate("replay", recording.name)
    steps = len(json.loads(recording.read_text("utf-8"))["seen"]["steps"])
    assert (done.returncode, done.stdout) == (0, f"the same, in {steps} steps\n")


def test_another_module_shows_what_differs(recording: Path, wasmgate: Command) -> None:
    """What client and upstream see, and the calls."""
    (recording.parent / "new.wasm").write_bytes(TEAPOT)
    done = wasmgate("replay", recording.name, "--module", "new.wasm")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    for line in ("-client status: 200", "+client status: 418", "-own random_get OK"):
        assert line in lines
    assert done.stderr == "warning: another module of own than recorded\n"


def test_it_is_found_from_another_folder(
    recording: Path, wasmgate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its paths are relative to itself."""
    monkeypatch.chdir("/")
    assert wasmgate("replay", str(recording)).returncode == 0


def test_a_recording_is_a_test(recording: Path) -> None:
    """Without the command."""
    done = replay(recording)
    assert (done.differences, done.changed) == ([], [])
    assert done.outcome.client == done.recording.client


def test_a_configuration_that_changed_is_told(tmp_path: Path, wasmgate: Command) -> None:
    """It is no difference as long as the request ends as it did."""
    (tmp_path / "rewrite.json").write_text('{"path_prefix": {"/v1/": "/"}}')
    wasmgate("trace", "rewrite", "--configuration", "rewrite.json", "--record", "r.json")
    (tmp_path / "rewrite.json").write_text('{"path_prefix": {"/v2/": "/"}}')
    done = replay(tmp_path / "r.json")
    assert (done.differences, done.changed) == ([], ["configuration of rewrite"])


def test_a_recording_has_no_configuration_in_it(tmp_path: Path, wasmgate: Command) -> None:
    """It may be secret: a digest is enough."""
    (tmp_path / "c.json").write_text('{"request_headers": {"set": {"x-key": "s3cret"}}}')
    wasmgate("trace", "rewrite", "--configuration", "c.json", "--record", "r.json")
    recorded = json.loads((tmp_path / "r.json").read_text("utf-8"))
    del recorded["seen"]
    assert "s3cret" not in json.dumps(recorded)


def test_a_recording_with_an_unknown_capability_is_1(recording: Path, wasmgate: Command) -> None:
    """It is named."""
    recorded = json.loads(recording.read_text("utf-8"))
    recorded["source"]["capabilities"] = {"network": ["auth:80"]}
    recording.write_text(json.dumps(recorded))
    done = wasmgate("replay", recording.name)
    assert (done.returncode, "unknown capabilities ['network']" in done.stderr) == (1, True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"wasmgate_recording": 99}', "\x00"])
def test_a_file_that_is_no_recording_is_1(content: str, tmp_path: Path, wasmgate: Command) -> None:
    """And is named."""
    (tmp_path / "wrong.json").write_text(content)
    done = wasmgate("replay", "wrong.json")
    assert (done.returncode, "wrong.json is not a recording" in done.stderr) == (1, True)


def test_a_file_that_is_not_there_is_1(wasmgate: Command) -> None:
    """As everywhere."""
    assert wasmgate("replay", "none.json").returncode == 1


def test_a_module_cannot_stand_in_for_a_gateway(recording: Path) -> None:
    """It has many."""
    recorded = json.loads(recording.read_text("utf-8"))
    recorded["source"] = {"gateway": "gateway.yaml"}
    recording.write_text(json.dumps(recorded))
    with pytest.raises(ConfigError, match="names its modules itself"):
        replay(recording, module="own.wasm")
