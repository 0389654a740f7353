"""Modules that other people wrote, compiled once for all runs, and what they say."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL_MISSING = 3

Guests = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep compiled modules between runs: they are large."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "wasmgate" / "tests-artifacts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    monkeypatch.setenv("WASMGATE_CACHE", str(folder))


@pytest.fixture(scope="session")
def guests() -> Guests:
    """Build what tools/build_guests.py can build here; skip with its reason where it cannot."""
    built: dict[str, Path | str] = {}

    def folder(name: str) -> Path:
        if name not in built:
            built[name] = _build(name)
        found = built[name]
        if isinstance(found, str):
            pytest.skip(found)
        return found

    return folder


def _build(name: str) -> Path | str:
    command = [sys.executable, str(ROOT / "tools" / "build_guests.py"), name]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode == TOOL_MISSING:
        return finished.stderr.strip()
    assert finished.returncode == 0, finished.stderr[-4000:]
    return Path(finished.stdout.strip())


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the policies logged so far; ask for it before they are loaded."""
    caplog.set_level(logging.NOTSET + 1, logger="wasmgate.policy")
    return lambda: [r.getMessage() for r in caplog.records if r.name.startswith("wasmgate.policy.")]
