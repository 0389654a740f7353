"""A team that wants policies in its app installs nothing that serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("app_alone.py")


def test_policies_run_in_an_app_with_what_the_package_requires_alone() -> None:
    """`nox -s core` does the same in an environment that has nothing else."""
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the app runs alone\n", "")
