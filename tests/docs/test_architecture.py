"""The page of the architecture names every room, and no other."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "concepts" / "architecture.md"


@pytest.mark.parametrize("crate", ["host", "gateway"])
def test_the_rooms_of_a_crate_are_on_the_page(crate: str) -> None:
    """One row of the table each, in the order of the picture."""
    page = PAGE.read_text("utf-8")
    table = page.split(f"| room of `rust/{crate}/src` |", 1)[1].split("\n\n", 1)[0]
    described = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    drawn = page.split(f"rust/{crate} ", 1)[1].split("```", 1)[0].split("\n   │", 1)[0]
    rooms = ROOT / "rust" / crate / "src"
    folders = {path.name for path in rooms.iterdir() if path.is_dir()} - {"worst"}
    assert set(described) == folders
    assert re.findall(r"\w+", drawn) == described


@pytest.mark.parametrize(
    ("addition", "most"), [("property from outside", 5), ("kind of callout", 9)]
)
def test_an_addition_touches_as_many_files_as_its_row_says(addition: str, most: int) -> None:
    """A row begins with the number of the files that it names."""
    page = PAGE.read_text("utf-8")
    code = page.split(f"| {addition} | ", 1)[1].split(" | ", 1)[0]
    number = int(code.partition(":")[0])
    assert number == len(re.findall(r"`[^`]+`", code))
    assert number <= most


def test_every_file_that_the_page_names_is_there() -> None:
    """A path with `<` stands for many."""
    named = re.findall(r"`((?:rust|src)/[\w/.-]+\.\w+)`", PAGE.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []
