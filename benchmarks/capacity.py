"""What one core does, what makes a request dearer, and how many connections there may be.

python benchmarks/capacity.py             measures and renews docs/reference/capacity.md
python benchmarks/capacity.py --check     names what the results would change; exit code 1
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import half_core
import typer
from capacity_page import CAPACITY, render
from growth import Growth
from machine import ROOT, describe
from native import build_go
from results import Result, save
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from scale import Scale
from standalone import Bench
from tables import shown

_CONSOLE = Console()


def _measured(folder: Path, *, rounds: int, seconds: float, progress: Progress) -> list[Result]:
    build_go(folder)
    bench = Bench(folder)
    results = Growth(bench, rounds=rounds, seconds=seconds).run(progress)
    if reason := half_core.missing():
        progress.console.print(f"[yellow]skipped[/] half a core: {reason}")
    else:
        results += half_core.measure(bench, rounds=rounds, seconds=2 * seconds, progress=progress)
    for threads in (2, 1):
        scale = Scale(bench, threads=threads, rounds=rounds, seconds=4 * seconds)
        results += scale.run(progress)
    return results


def main(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of load for a point of a curve.")] = 1.0,
    check: Annotated[bool, typer.Option(help="Measure nothing.")] = False,
    page: Annotated[bool, typer.Option(help="Only renew the page.")] = False,
) -> None:
    """Measure, write the results and renew the page."""
    if check or page:
        changed = render(write=page)
        for path in changed:
            print(path.relative_to(ROOT))
        raise typer.Exit(int(check and bool(changed)))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Drawn between the measurements only: a thread that draws would be measured.
    with (
        Progress(*columns, TimeElapsedColumn(), console=_CONSOLE, auto_refresh=False) as progress,
        tempfile.TemporaryDirectory() as folder,
    ):
        results = _measured(Path(folder), rounds=rounds, seconds=seconds, progress=progress)
    _CONSOLE.print(shown(results))
    save(results, describe(), CAPACITY)
    render()


if __name__ == "__main__":
    typer.run(main)
