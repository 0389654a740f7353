"""The guests of `tests/fixtures` are built from the sources beside them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def manifest() -> dict[str, dict[str, str]]:
    """Read what the build wrote beside the modules."""
    read: dict[str, Any] = json.loads((FIXTURES / "manifest.json").read_text("utf-8"))
    modules: dict[str, dict[str, str]] = read["modules"]
    return modules


def test_the_guests_were_built_from_the_sources_beside_them() -> None:
    """A change under rust/fixtures or to a locked crate needs `nox -s policies`."""
    tool = ROOT / "tools" / "build_policies.py"
    command = [sys.executable, str(tool), "--fixtures", "--sources"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    built = {name: module["sources"] for name, module in manifest().items()}
    assert built == json.loads(run.stdout)


def test_the_manifest_has_the_digests_of_the_guests() -> None:
    """So that a module that was exchanged alone is noticed."""
    digests = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in FIXTURES.glob("*.wasm")
    }
    assert digests == {name: module["sha256"] for name, module in manifest().items()}
