"""A team that wants policies in its app installs nothing that serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wasmgate import Capabilities, ConfigError, Policy
from wasmgate._native import Host

PROGRAM = Path(__file__).with_name("app_alone.py")


def test_policies_run_in_an_app_with_what_the_package_requires_alone() -> None:
    """`nox -s core` does the same in an environment that has nothing else."""
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the app runs alone\n", "")


def test_a_policy_that_calls_others_asks_for_the_package_at_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not when the first request needs it."""
    monkeypatch.setattr("wasmgate.policy.loading.find_spec", lambda _name: None)
    (tmp_path / "own.wasm").write_bytes(b"\0asm proxy_http_call")
    policy = Policy(tmp_path / "own.wasm", capabilities=Capabilities(net=("auth.internal:80",)))
    with pytest.raises(ConfigError, match="the package httptools is missing") as caught:
        policy.load(Host(log_level=0))
    assert caught.value.hint.startswith("pip install 'wasmgate[callouts]'")
