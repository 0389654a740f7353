"""Run the real command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def wasmgate(tmp_path: Path) -> Command:
    """Run `wasmgate` with arguments in an empty folder, with a cache of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wasmgate", *arguments],
            cwd=tmp_path,
            env={"PATH": "", "COLUMNS": "100", "WASMGATE_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
