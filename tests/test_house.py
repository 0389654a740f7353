"""The order of the house, where no other tool keeps it."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

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


def test_what_the_short_matrix_names_is_there() -> None:
    """A folder of tests that was renamed would not be tested on the other Pythons."""
    noxfile = ROOT / "noxfile.py"
    if not noxfile.exists():
        pytest.skip("the sessions of contributors are not shipped")
    tree = ast.parse(noxfile.read_text("utf-8"))
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    named = ast.literal_eval(values["MATRIX"])
    assert [name for name in named if not (ROOT / name).exists()] == []


PACKAGE = ROOT / "src"


def imported(path: Path, modules: set[str]) -> set[str]:
    """Return the modules of the package that a file imports, for types as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found.add(whole if whole in modules else node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found & modules


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A package can be read in one order: also names that only types need come from below."""
    files = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    modules = {*files, "wasmgate._native"}
    graph = {name: imported(files[name], modules) - {name} for name in files if name in modules}
    circle = None
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle is None
