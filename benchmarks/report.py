"""Write the results into the pages that show them.

    python benchmarks/report.py             from results/latest.json into docs/reference and README
    python benchmarks/report.py --check     name what would change, write nothing; exit code 1

A page has a place for a table between the lines `<!-- benchmarks: NAME -->` and
`<!-- benchmarks end -->`; what is written by hand around them stays.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import plots
import tables
from aims import aims
from guests_page import guests, served
from launching import KNOWN, NEW, PLAIN
from machine import ROOT
from modules_page import modules
from results import LATEST, Result, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

REFERENCE = ROOT / "docs" / "reference"
PAGES = (REFERENCE / "benchmarks.md", REFERENCE / "languages.md", ROOT / "README.md")

_PLACE = re.compile(
    r"(<!-- benchmarks: (?P<name>\w+) -->\n).*?(<!-- benchmarks end -->)", re.DOTALL
)
_PLOTS = {
    PLAIN: ("benchmarks-plain.svg", "CPU a request: forwarding only"),
    KNOWN: ("benchmarks-known.svg", "CPU a request: three policies, tokens seen before"),
    NEW: ("benchmarks-new.svg", "CPU a request: three policies, every token new"),
}


def render(text: str, results: Sequence[Result], meta: Mapping[str, Any]) -> str:
    """Return a page with its tables renewed. Raises KeyError for a name that is not a table's."""
    made = {
        "summary": tables.summary(results),
        "aims": aims(results),
        "chain": tables.chain(results),
        "gateways": tables.gateways(results),
        "host": tables.host(results),
        "guests": guests(results),
        "guests_served": served(results),
        "modules": modules(results),
        "machine": machine(meta),
    }
    return fill(text, made)


def fill(text: str, made: Mapping[str, str]) -> str:
    """Return a page with its tables renewed. Raises KeyError for a name that is not a table's."""
    return _PLACE.sub(lambda m: f"{m[1]}\n{made[m['name']]}\n\n{m[3]}", text)


def written(pages: Mapping[Path, str], *, write: bool) -> list[Path]:
    """Return the files that differ from what they should say; `write` makes them say it."""
    old = {path: path.read_text("utf-8") if path.exists() else "" for path in pages}
    changed = [path for path, text in pages.items() if old[path] != text]
    if write:
        for path in changed:
            path.write_text(pages[path], "utf-8")
    return changed


def render_all(*, write: bool = True) -> list[Path]:
    """Renew every page and plot, and return those that change."""
    results, meta = load(LATEST)
    pages = {page: render(page.read_text("utf-8"), results, meta) for page in PAGES}
    for question, (name, title) in _PLOTS.items():
        found = [r for r in results if r.question == question and r.metric == "cpu"]
        if found:
            pages[REFERENCE / name] = plots.dots(title, "us", found)
    return written(pages, write=write)


def machine(meta: Mapping[str, Any]) -> str:
    """Say what a run was measured on, and when."""
    versions = ", ".join(f"{name} {said}" for name, said in meta["versions"].items())
    return (
        f"{meta['time'][:10]}, commit `{meta['commit'][:12]}`"
        f"{' with changes' if meta['changed'] else ''}: {meta['cpu']}, {meta['cores']} cores, "
        f"{meta['system']}, CPython {meta['python']}. {versions}."
    )


def main() -> int:
    """Do what the command line says and return the exit code."""
    checking = sys.argv[1:] == ["--check"]
    changed = render_all(write=not checking)
    for path in changed:
        print(path.relative_to(ROOT))
    return int(checking and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
