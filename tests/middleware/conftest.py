"""Policies of the guest in `tests/fixtures`, and every line that they say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cache(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the guest once."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    """Keep all log lines of policies; ask for it before the middleware is made."""
    caplog.set_level(5, logger="wasmgate.policy")
    return Said(caplog)


class Said:
    """What the policies said so far."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def callbacks(self) -> list[str]:
        """Return the names of the callbacks, of requests only."""
        lines = [record for record in self._caplog.records if record.levelno < logging.DEBUG]
        names = [record.getMessage().split()[0] for record in lines]
        started = names.index("configure") if "configure" in names else -1
        return names[started + 1 :]

    def lines(self, level: int = logging.INFO) -> list[str]:
        """Return the lines of one level that policies and apps wrote; not those of compiles."""
        written = [r for r in self._caplog.records if r.name.startswith("wasmgate.policy.")]
        return [r.getMessage() for r in written if r.levelno == level]
