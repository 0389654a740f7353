"""Where the time of a request goes: `wasmgate run`, three policies, a token seen before.

    python benchmarks/budget.py     measures, renews docs/contributing/where-the-time-goes.md

Needs Linux's perf, and an extension with its symbols (`nox -s budget` builds one). perf samples the
gateway's process on the clock, a few thousand times a second; a second run counts its system calls;
a third, without perf, says what both cost. valgrind, where it is installed, counts the instructions
of the native part. The guests' code has no symbols: their addresses are
those that appear when one policy more is configured.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import instructions
import typer
from budget_page import BUDGET, render
from budget_parts import part, samples
from machine import describe
from native import build_go
from results import Result, save, summary
from standalone import POLICIES, Bench, Shape

from wasmgate import _native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator import Generator
    from processes import Server

NAMES = ("jwt_auth", "rate_limit", "rewrite")
FREQUENCY = 4999  # samples a second; a prime, so that nothing else keeps step with it
_WARM_UP_SECONDS = 1.0
_RARE = 0.0005  # system calls a request: less often does not count
_COUNTER = re.compile(r"^\s*([\d.,]+)\s+syscalls:sys_enter_(\w+)", re.MULTILINE)


def missing() -> str | None:
    """Say what is not there that this needs."""
    if shutil.which("perf") is None:
        return "perf is not installed"
    symbols = subprocess.run(
        ["readelf", "--sections", "--wide", str(_native.__file__)],
        capture_output=True,
        text=True,
        check=True,
    )
    if ".symtab" not in symbols.stdout:
        return "the extension has no symbols: `nox -s budget` builds one that has"
    return None


class Budget:
    """One round after the other, each with a gateway of its own."""

    def __init__(self, bench: Bench, *, rounds: int, seconds: float) -> None:
        self.bench = bench
        self.rounds = rounds
        self.seconds = seconds
        self._parts: list[dict[str, float]] = []
        self._calls: list[dict[str, float]] = []
        self._cpu: list[float] = []
        self._sampled: list[float] = []

    def run(self) -> list[Result]:
        """Measure. Raises RuntimeError when a run is not valid, or perf says nothing."""
        options = ("-prefix", "/orders/42", "-user")
        with self.bench.generator(*options) as generator:
            sizes = self._code_sizes(generator)
            for _ in range(self.rounds):
                self._round(generator, sizes)
        results = [summary("budget", "wasmgate", "cpu", self._cpu, part="all, without perf")]
        results.append(summary("budget", "wasmgate", "cpu", self._sampled, part="all, sampled"))
        results += _summaries("budget.part", "cpu", self._parts, "part")
        results += _summaries("budget.calls", "calls", self._calls, "call")
        return results

    def _code_sizes(self, generator: Generator) -> dict[int, str]:
        """Return the policies by the size of their code: each is what one policy more brings."""
        known: dict[int, str] = {}
        for count in range(1, POLICIES + 1):
            shape = Shape(policies=count)
            with self.bench.server(shape, generator.upstream) as server:
                for region in _code(_pid(server)):
                    known.setdefault(len(region), NAMES[count - 1])
        return known

    def _round(self, generator: Generator, sizes: dict[int, str]) -> None:
        shape = Shape()
        with self.bench.server(shape, generator.upstream) as server:
            usual = self.bench.command(server, shape, seconds=_WARM_UP_SECONDS, keep=True)
            generator.load(**usual)
            usual["seconds"] = self.seconds
            before = server.cpu()
            requests = generator.load(**usual)["requests"]
            self._cpu.append((server.cpu() - before) / requests * 1e6)
            guests = {
                region: sizes[len(region)] for region in _code(_pid(server)) if len(region) in sizes
            }
            self._sample(server, generator, usual, guests)
            self._count(server, generator, usual)

    def _sample(
        self,
        server: Server,
        generator: Generator,
        usual: dict[str, object],
        guests: dict[range, str],
    ) -> None:
        data = self.bench.folder / "perf.data"
        command = ["perf", "record", "-e", "cpu-clock", "-F", str(FREQUENCY), "-g", "-o", str(data)]
        requests = self._under(command, server, generator, usual)[0]
        script = subprocess.run(
            ["perf", "script", "-i", str(data), "-F", "ip,sym,dso"],
            capture_output=True,
            text=True,
            check=True,
        )
        found = Counter(part(frames, guests) for frames in samples(script.stdout.splitlines()))
        if not found:
            raise RuntimeError("perf took no samples")
        each = 1e6 / FREQUENCY / requests
        self._parts.append({name: count * each for name, count in found.items()})
        self._sampled.append(found.total() * each)

    def _count(self, server: Server, generator: Generator, usual: dict[str, object]) -> None:
        command = ["perf", "stat", "-e", "syscalls:sys_enter_*"]
        requests, said = self._under(command, server, generator, usual)
        counted = {name: float(count.replace(",", "")) for count, name in _COUNTER.findall(said)}
        each = {name: count / requests for name, count in counted.items()}
        self._calls.append({name: count for name, count in each.items() if count >= _RARE})

    def _under(
        self, command: list[str], server: Server, generator: Generator, usual: dict[str, object]
    ) -> tuple[int, str]:
        """Load while perf watches; returns the requests, and what perf said."""
        # Its own end ends perf: what it watches goes on.
        seconds = str(self.seconds)
        with subprocess.Popen(
            [*command, "-p", str(_pid(server)), "--", "sleep", seconds],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as perf:
            requests = generator.load(**usual)["requests"]
            said = perf.communicate()[0]
        return int(requests), said


def _summaries(
    question: str, metric: str, rounds: list[dict[str, float]], param: str
) -> Iterator[Result]:
    values: dict[str, list[float]] = defaultdict(list)
    for name in sorted({name for found in rounds for name in found}):
        values[name] = [found.get(name, 0.0) for found in rounds]
    for name, found in sorted(values.items(), key=lambda item: -statistics.median(item[1])):
        yield summary(question, "wasmgate", metric, found, **{param: name})


def _pid(server: Server) -> int:
    return min(server.pids())


def _code(pid: int) -> Iterator[range]:
    """Yield where a process has code that is of no program or library (proc_pid_maps(5))."""
    for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
        addresses, mode, *_, path = f"{line} -".split(maxsplit=5)
        if "x" in mode and not re.search(r"\.so|/bin/|\[", path):
            start, _, end = addresses.partition("-")
            yield range(int(start, 16), int(end, 16))


def main(
    *,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    seconds: Annotated[float, typer.Option(min=1)] = 5.0,
) -> None:
    """Measure, write the results and renew the page."""
    if reason := missing():
        raise typer.BadParameter(reason)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_go(folder)
        bench = Bench(folder)
        results = Budget(bench, rounds=rounds, seconds=seconds).run()
        if reason := instructions.missing():
            print(f"instructions are not counted: {reason}")
        else:
            results += instructions.count(bench)
    save(results, describe(), BUDGET)
    render()


if __name__ == "__main__":
    typer.run(main)
