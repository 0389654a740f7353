"""These tests run in both forms of the gateway; what they need of `websockets` is in `ends`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cache(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the guest once."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))


@pytest.fixture(autouse=True)
def _form(form: str) -> None:
    """Each test in both forms."""
