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
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text.read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.skipif(not (ROOT / "src").exists(), reason="away from the tree: no sources")
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_named_files_are_there(text: Path) -> None:
    """A path in code is a promise; `<name>` stands for any."""
    named = re.findall(r"`((?:src|rust|tests|docs|tools)/[\w./<>-]+)`", text.read_text("utf-8"))
    patterns = [re.sub(r"<\w+>", "*", name).rstrip("/") for name in named]
    assert [name for name in patterns if not any(ROOT.glob(name))] == []
