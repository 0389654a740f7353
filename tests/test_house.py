"""The order of the house, where no other tool keeps it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 400
SOURCES = (
    "src/**/*.py",
    "tests/**/*.py",
    "tools/*.py",
    "benchmarks/*.py",
    "rust/*/src/**/*.rs",
    "rust/policies/*/src/**/*.rs",
)


def test_no_file_is_long() -> None:
    """One that grows beyond 400 lines has two subjects."""
    files = [path for pattern in SOURCES for path in ROOT.glob(pattern)]
    lengths = {str(path): path.read_text("utf-8").count("\n") for path in files}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}
