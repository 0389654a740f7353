"""Modules that other people wrote, compiled once for all runs, and what they say."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.serving import form
from tests.modules.building import built

__all__ = ["Guests", "form"]

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
    """Return the folder of a guest's modules; skip with the reason where it cannot be built."""

    def folder(name: str) -> Path:
        found = built(name)
        if isinstance(found, str):
            pytest.skip(found)
        return found

    return folder


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the policies logged so far; ask for it before they are loaded."""
    caplog.set_level(logging.NOTSET + 1, logger="wasmgate.policy")
    return lambda: [r.getMessage() for r in caplog.records if r.name.startswith("wasmgate.policy.")]
