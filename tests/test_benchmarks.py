"""The pages say what the run of record found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks" / "report.py"


@pytest.mark.skipif(not REPORT.exists(), reason="the benchmarks are not shipped")
def test_the_tables_and_plots_are_those_of_the_results() -> None:
    """`python benchmarks/report.py` would change nothing."""
    done = subprocess.run(
        [sys.executable, str(REPORT), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)
