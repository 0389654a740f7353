"""Every test here runs in each place where policies can be."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.places.placing import PLACES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """Where the policy is."""
    return str(request.param)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    """Keep what the policy says."""
    caplog.set_level(logging.INFO, "wasmgate.policy")
    return Said(caplog)


@pytest.fixture(autouse=True)
def _cache(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile a guest once."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))


class Said:
    """The lines of the policy so far."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def lines(self, *words: str) -> list[str]:
        """Return those of its lines that are one of these."""
        records = [r for r in self._caplog.records if r.name == "wasmgate.policy.guest"]
        return [r.getMessage() for r in records if r.getMessage() in words]
