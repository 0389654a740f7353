"""A hook of mkdocs: the search index also as a script, for docs/javascripts/search_from_disk.js."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def on_post_build(config: Mapping[str, str]) -> None:
    """Write the index, which the search plugin has made, as a script that assigns it."""
    folder = Path(config["site_dir"], "search")
    index = (folder / "search_index.json").read_text("utf-8")
    (folder / "search_index.js").write_text(f"window.searchIndex = {index};\n", "utf-8")
