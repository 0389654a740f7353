"""Gateways that do the same work, side by side: CPU a request, rate, latency, memory.

A gateway has one core for itself; upstream and clients have the others. In each round every gateway
is started, warmed up with repeated tokens, measured and stopped, one after the other (A B C A B C),
so that a change of the machine affects all gateways. The upstream answers 200 only to a request on
which the work was done; any other status makes the run invalid.

If two programs use a core, a fair scheduler gives half of the time to each, which halves the rate
of the measured gateway. So a measurement records the share of other programs, and a disturbed
measurement is repeated.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from generator import Generator
from launching import KNOWN, PLAIN, Site, Subject
from processes import Server, cores, free_port, idle
from results import Result, summary
from work import CLIENT_PREFIX, PATH, QUERY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress

METRICS = ("cpu", "rate", "p50", "p95", "p99", "rss")
OTHERS = "others"  # the share of the time for which a core was not the gateway's, or the load's
_DISTURBED = 0.1  # measured: up to 5 % when nothing else runs, 18 to 70 when something does
_TRIES = 3
_WARM_UP_SECONDS = 0.5
_TARGET = f"{CLIENT_PREFIX}{PATH}?{QUERY}"


@dataclass(frozen=True, kw_only=True)
class Load:
    """How the gateways are loaded."""

    connections: int
    seconds: float
    rounds: int


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The issuer's key and files with a token in each line."""

    public_pem: str
    known: Path
    new: Path
    refused: list[str] = field(default_factory=list)
    """What must not pass."""


class Comparison:
    """One question put to every gateway that can answer it."""

    def __init__(
        self,
        question: str,
        subjects: Sequence[Subject],
        programs: Path,
        tokens: Tokens,
        load: Load,
    ) -> None:
        self.question = question
        self.programs = programs
        self.tokens = tokens
        self.load = load
        self.gateway_cores, self.load_cores = cores()
        self.subjects = [subject for subject in subjects if question in subject.questions]

    def run(self, progress: Progress) -> list[Result]:
        """Measure all rounds. Raises RuntimeError when a run is not valid."""
        task = progress.add_task(self.question, total=self.load.rounds * len(self.subjects))
        samples: dict[tuple[str, str], list[float]] = defaultdict(list)
        with self._generator() as generator:
            for _ in range(self.load.rounds):
                for subject in self.subjects:
                    doing = f"{self.question} {subject.name}"
                    progress.update(task, description=doing, refresh=True)
                    measured = self._quietest(subject, generator)
                    if measured[OTHERS] > _DISTURBED:
                        share = f"others had {measured[OTHERS]:.0%} of its core's time"
                        progress.console.print(f"[yellow]disturbed[/] {doing}: {share}")
                    for metric, value in measured.items():
                        samples[subject.name, metric].append(value)
                    progress.update(task, advance=1, refresh=True)
        return self._results(samples)

    def _results(self, samples: dict[tuple[str, str], list[float]]) -> list[Result]:
        results = []
        for subject in self.subjects:
            params = {
                "connections": self.load.connections,
                "seconds": self.load.seconds,
                OTHERS: round(max(samples[subject.name, OTHERS]), 3),
            }
            results += [
                summary(
                    self.question, subject.name, metric, samples[subject.name, metric], **params
                )
                for metric in METRICS
            ]
        if self.question == KNOWN:
            rss = [result for result in results if result.metric == "rss"]
            results += [replace(result, question="memory") for result in rss]
        return results

    def _generator(self) -> Generator:
        seen = ["-prefix", CLIENT_PREFIX + PATH]
        if self.question != PLAIN:
            seen = ["-prefix", f"/{PATH}", "-user"]
        return Generator(self.programs / "load", *seen, wanted=self.load_cores)

    def _quietest(self, subject: Subject, generator: Generator) -> dict[str, float]:
        """Measure until nothing else ran, or return the best of a few tries."""
        tries: list[dict[str, float]] = []
        while len(tries) < _TRIES and not (tries and tries[-1][OTHERS] <= _DISTURBED):
            # A new process for each: the tokens of the one before are no longer new to it.
            tries.append(self._measured(subject, generator))
        return min(tries, key=lambda measured: measured[OTHERS])

    def _measured(self, subject: Subject, generator: Generator) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            site = Site(
                port=free_port(),
                upstream=generator.upstream,
                folder=Path(folder),
                programs=self.programs,
                public_pem=None if self.question == PLAIN else self.tokens.public_pem,
            )
            launch = subject.launch(site)
            with Server(
                launch.command,
                port=site.port,
                wanted=self.gateway_cores,
                log=site.folder / "log",
                environment=launch.environment,
            ) as server:
                try:
                    self._check(site)
                    return self._sample(server, generator)
                except RuntimeError as error:
                    raise RuntimeError(
                        f"{self.question}: {subject.name}: {error}\n{server.said()}"
                    ) from error

    def _sample(self, server: Server, generator: Generator) -> dict[str, float]:
        once = self.question not in {PLAIN, KNOWN}
        common = {
            "address": f"127.0.0.1:{server.port}",
            "target": _TARGET,
            "connections": self.load.connections,
        }
        generator.load(**common, tokens=str(self.tokens.known), seconds=_WARM_UP_SECONDS)
        tokens = self.tokens.new if once else self.tokens.known
        before = self._clocks(server, generator)
        report = generator.load(**common, tokens=str(tokens), once=once, seconds=self.load.seconds)
        after = self._clocks(server, generator)
        passed = {name: after[name] - before[name] for name in after}
        return {
            "cpu": passed["gateway"] / report["requests"] * 1e6,
            "rss": server.rss(),
            OTHERS: self._others(passed),
            **{metric: report[metric] for metric in ("rate", "p50", "p95", "p99")},
        }

    def _clocks(self, server: Server, generator: Generator) -> dict[str, float]:
        """Return seconds: of CPU, of cores that were idle, of waiting for one, of the clock."""
        return {
            "gateway": server.cpu(),
            "load": generator.cpu(),
            "waited": generator.waited(),
            "idle beside the gateway": idle(self.gateway_cores),
            "idle beside the load": idle(self.load_cores),
            "clock": time.monotonic(),
        }

    def _others(self, passed: dict[str, float]) -> float:
        """Return the share of the time for which gateway or load shared a core with others."""
        cores = {"gateway": len(self.gateway_cores), "load": len(self.load_cores)}
        taken = {
            name: passed["clock"] * count - passed[f"idle beside the {name}"] - passed[name]
            for name, count in cores.items()
        }
        # On a core of several others may work unnoticed; threads of its own make the load wait too.
        load = min(taken["load"], passed["waited"])
        return max(taken["gateway"], load, 0) / passed["clock"]

    def _check(self, site: Site) -> None:
        """Raise RuntimeError unless a good token passes and, with policies, no other does."""
        good = self.tokens.known.read_text("utf-8").split(maxsplit=1)[0]
        self._ask(site, good, {200})
        for token in self.tokens.refused if site.public_pem else ():
            # Envoy answers 403 to a token for another audience.
            self._ask(site, token, {401, 403})

    def _ask(self, site: Site, token: str, wanted: set[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
        connection.request("GET", _TARGET, headers={"Authorization": f"Bearer {token}"})
        status = connection.getresponse().status
        connection.close()
        if status not in wanted:
            raise RuntimeError(f"answered {status} where {wanted} was right")
