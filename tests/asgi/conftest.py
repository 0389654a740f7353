"""What all tests of ASGI's rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cache(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile a guest once."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))
