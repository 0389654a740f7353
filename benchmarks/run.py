"""Run the benchmarks.

python benchmarks/run.py                          all; writes results/latest.json
python benchmarks/run.py --only gateway.known     one question or several; writes nothing
python benchmarks/run.py --subject rust-hyper     one gateway or several; writes nothing
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import background
import chain
import guests
import guests_served
import host
import modules
import native
import routes
import swap
import tenants
import typer
from gateways import Comparison, Load, Tokens
from launching import KNOWN, NEW, PLAIN
from machine import describe
from report import render_all
from results import LATEST, Result, save
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from subjects import SUBJECTS, missing
from tables import shown
from tokens import Issuer
from work import chain as policies

from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from launching import Subject

_CONSOLE = Console()
_KNOWN_TOKENS = 100
_NAMES = [subject.name for subject in SUBJECTS]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What every question is asked with."""

    issuer: Issuer
    new_tokens: list[str]
    requests: int
    load: Load
    subjects: list[Subject]
    folder: Path
    progress: Progress

    def compare(self, question: str) -> list[Result]:
        """Put one question to the gateways."""
        swap.optimize(policies(self.issuer.public_pem), cache_folder())
        tokens = Tokens(
            public_pem=self.issuer.public_pem,
            known=self._file("known", self.issuer.mint(_KNOWN_TOKENS)),
            new=self._file("new", self.new_tokens),
            refused=self.issuer.refused(),
        )
        if not self.subjects:
            return []
        return Comparison(question, self.subjects, self.folder, tokens, self.load).run(
            self.progress
        )

    def _file(self, name: str, tokens: list[str]) -> Path:
        path = self.folder / f"{name}.txt"
        path.write_text("\n".join(tokens), "ascii")
        return path


QUESTIONS: dict[str, Callable[[Run], list[Result]]] = {
    "callback": lambda run: host.callback(run.load.rounds, run.progress),
    "hostcall": lambda run: host.hostcall(run.load.rounds, run.progress),
    "instance": lambda run: host.instance(run.issuer.public_pem, run.load.rounds, run.progress),
    "tenant": lambda run: tenants.tenant(run.issuer.public_pem, run.load.rounds, run.progress),
    "compile": lambda run: host.compilation(run.issuer.public_pem, run.load.rounds, run.progress),
    "load": lambda run: host.load(run.issuer.public_pem, run.load.rounds, run.progress),
    "modules": lambda run: modules.modules(run.folder, run.load.rounds, run.progress),
    "swap.new": lambda run: swap.new(run.issuer.public_pem, run.load.rounds, run.progress),
    "swap.cached": lambda run: swap.cached(run.issuer.public_pem, run.load.rounds, run.progress),
    "start": lambda run: swap.start(run.issuer.public_pem, run.load.rounds, run.progress),
    "chain.known": lambda run: chain.known(run.issuer, run.requests, run.load.rounds, run.progress),
    "chain.new": lambda run: chain.new(
        run.issuer, run.new_tokens[: run.requests], run.load.rounds, run.progress
    ),
    "guests": lambda run: guests.guests(run.folder, run.requests, run.load.rounds, run.progress),
    "guests.served": lambda run: guests_served.served(run.folder, run.load, run.progress),
    "background": lambda run: background.background(run.folder, run.load, run.progress),
    "routes": lambda run: routes.routes(run.load.rounds, run.progress),
    PLAIN: lambda run: run.compare(PLAIN),
    KNOWN: lambda run: run.compare(KNOWN),
    NEW: lambda run: run.compare(NEW),
}


def main(
    *,
    only: Annotated[
        list[str] | None, typer.Option(help=f"A question: {', '.join(QUESTIONS)}. Repeatable.")
    ] = None,
    subject: Annotated[
        list[str] | None, typer.Option(help=f"A gateway: {', '.join(_NAMES)}. Repeatable.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Connections to a gateway.")] = 32,
    duration: Annotated[float, typer.Option(min=0.1, help="Seconds of load a round.")] = 2.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 5,
    requests: Annotated[int, typer.Option(min=1, help="Requests a round, in process.")] = 10_000,
    tokens: Annotated[int, typer.Option(min=1, help="How many new tokens are minted.")] = 40_000,
    require_peers: Annotated[
        bool,
        typer.Option(envvar="WASMGATE_REQUIRE_PEERS", help="Fail if a gateway is missing."),
    ] = False,
) -> None:
    """Measure and show; a run of all questions and gateways becomes the run of record."""
    _refuse_unknown("question", only, QUESTIONS)
    _refuse_unknown("gateway", subject, _NAMES)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    results: list[Result] = []
    # Drawn between the measurements only: a thread that draws would be measured.
    with (
        Progress(*columns, TimeElapsedColumn(), console=_CONSOLE, auto_refresh=False) as progress,
        tempfile.TemporaryDirectory() as folder,
    ):
        asked = only or list(QUESTIONS)
        programs = Path(folder)
        issuer = Issuer()
        run = Run(
            issuer=issuer,
            new_tokens=_minted(issuer, tokens, progress) if _needs_new(asked) else [],
            requests=requests,
            load=Load(connections=concurrency, seconds=duration, rounds=rounds),
            subjects=_available(programs, subject or _NAMES, required=require_peers)
            if not {PLAIN, KNOWN, NEW}.isdisjoint(asked)
            else [],
            folder=programs,
            progress=progress,
        )
        for question in asked:
            results += QUESTIONS[question](run)
    _CONSOLE.print(shown(results))
    if not only and not subject:
        save(results, describe(), LATEST)
        render_all()


def _refuse_unknown(kind: str, asked: list[str] | None, known: Iterable[str]) -> None:
    if unknown := set(asked or ()) - set(known):
        raise typer.BadParameter(f"no {kind} is called {', '.join(sorted(unknown))}")


def _available(programs: Path, wanted: list[str], *, required: bool) -> list[Subject]:
    """Compile what must be, and leave out by name who is not there.

    Exits with code 1 if one is missing that is required. Without Go no gateway can be measured.
    """
    reasons = {}
    for build in (native.build_go, native.build_rust):
        try:
            build(programs)
        except (RuntimeError, OSError) as error:
            _CONSOLE.print(f"[yellow]not built[/]: {error}")
    if not (programs / "load").exists():
        reasons = dict.fromkeys(wanted, "no clients and no upstream without Go")
    reasons |= {name: reason for name, reason in missing(programs).items() if name in wanted}
    for name, reason in reasons.items():
        _CONSOLE.print(f"[yellow]skipped[/] {name}: {reason}")
    if reasons and required:
        raise typer.Exit(1)
    return [one for one in SUBJECTS if one.name in wanted and one.name not in reasons]


def _needs_new(asked: list[str]) -> bool:
    return not {"chain.new", NEW}.isdisjoint(asked)


def _minted(issuer: Issuer, count: int, progress: Progress) -> list[str]:
    task = progress.add_task("minting tokens", total=count)
    minted: list[str] = []
    while len(minted) < count:
        minted += issuer.mint(min(500, count - len(minted)))
        progress.update(task, completed=len(minted), refresh=True)
    return minted


if __name__ == "__main__":
    typer.run(main)
