"""Pages at the root, which mkdocs does not check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = sorted(ROOT.glob("*.md"))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_links_to_files_lead_somewhere(text: Path) -> None:
    """Relative to the root of the repository."""
    ours = re.compile(r"https://github.com/wasmgate/wasmgate/(?:blob|tree|raw)/main/")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", ours.sub("", text.read_text("utf-8")))
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.skipif(not (ROOT / "src").exists(), reason="away from the tree: no sources")
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_named_files_are_there(text: Path) -> None:
    """A path in code is a promise; `<name>` stands for any."""
    named = re.findall(r"`((?:src|rust|tests|docs|tools)/[\w./<>-]+)`", text.read_text("utf-8"))
    patterns = [re.sub(r"<\w+>", "*", name).rstrip("/") for name in named]
    assert [name for name in patterns if not any(ROOT.glob(name))] == []


def test_the_readme_s_links_work_away_from_the_repository() -> None:
    """It is the page of the wheel, too, where no file stands beside it."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert re.findall(r"\]\((?!https?:|#)([^)]+)\)", text) == []


def test_every_decision_has_a_number_and_a_page() -> None:
    """From the first to the last, and each is in the index."""
    folder = ROOT / "docs" / "contributing" / "decisions"
    pages = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert [page[:3] for page in pages] == [f"{at:03}" for at in range(1, len(pages) + 1)]
    index = (folder / "index.md").read_text("utf-8")
    assert [page for page in pages if f"]({page})" not in index] == []
