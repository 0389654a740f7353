"""Guests from tools/build_guests.py, each built once."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "build_guests.py"
TOOL_MISSING = 3


@functools.cache
def built(name: str) -> Path | str:
    """Return the folder of a guest's modules, or the reason why it cannot be built here."""
    command = [sys.executable, str(TOOL), name]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode == TOOL_MISSING:
        return finished.stderr.strip()
    assert finished.returncode == 0, finished.stderr[-4000:]
    return Path(finished.stdout.strip())
