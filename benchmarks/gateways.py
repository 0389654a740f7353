"""Gateways that do the same work, side by side: CPU a request, rate, latency, memory.

A gateway has one core for itself; upstream and clients have the others. In each round every gateway
is started, warmed up with repeated tokens, measured and stopped, one after the other (A B C A B C),
so that what happens to the machine happens to all. The upstream answers 200 only to a request on
which the work was done; any other status makes the run invalid.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from generator import Generator
from processes import Server, cores, free_port
from results import Result, summary
from subjects import KNOWN, PEERS, PLAIN, SUBJECTS, Site, Subject
from work import CLIENT_PREFIX, PATH, QUERY

if TYPE_CHECKING:
    from rich.progress import Progress

METRICS = ("cpu", "rate", "p50", "p95", "p99", "rss")
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


def build_programs(folder: Path) -> None:
    """Compile load generator, upstream and the Go gateway into `folder`.

    Raises RuntimeError when Go is not installed or does not compile them.
    """
    if shutil.which("go") is None:
        raise RuntimeError("go is not installed: clients and upstream are written in it")
    command = ["go", "build", "-trimpath", "-o", f"{folder}/"]
    done = subprocess.run(
        [*command, "./go_nethttp", "./load"],
        cwd=PEERS,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the Go programs do not compile:\n{done.stderr}")


class Comparison:
    """One question put to every gateway that can answer it."""

    def __init__(self, question: str, programs: Path, tokens: Tokens, load: Load) -> None:
        self.question = question
        self.programs = programs
        self.tokens = tokens
        self.load = load
        self.gateway_cores, self.load_cores = cores()
        asked = [subject for subject in SUBJECTS if question in subject.questions]
        missing = {subject.name: subject.missing() for subject in asked}
        self.skipped = {name: reason for name, reason in missing.items() if reason}
        self.subjects = [subject for subject in asked if subject.name not in self.skipped]

    def run(self, progress: Progress) -> list[Result]:
        """Measure all rounds. Raises RuntimeError when a run is not valid."""
        task = progress.add_task(self.question, total=self.load.rounds * len(self.subjects))
        samples: dict[tuple[str, str], list[float]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as folder, self._generator() as generator:
            for _ in range(self.load.rounds):
                for subject in self.subjects:
                    progress.update(
                        task, description=f"{self.question} {subject.name}", refresh=True
                    )
                    site = Site(
                        port=free_port(),
                        upstream=generator.upstream,
                        folder=Path(tempfile.mkdtemp(dir=folder)),
                        programs=self.programs,
                        public_pem=None if self.question == PLAIN else self.tokens.public_pem,
                    )
                    for metric, value in self._measured(subject, site, generator).items():
                        samples[subject.name, metric].append(value)
                    progress.update(task, advance=1, refresh=True)
        return self._results(samples)

    def _results(self, samples: dict[tuple[str, str], list[float]]) -> list[Result]:
        params = {"connections": self.load.connections, "seconds": self.load.seconds}
        results = [
            summary(self.question, subject.name, metric, samples[subject.name, metric], **params)
            for subject in self.subjects
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

    def _measured(self, subject: Subject, site: Site, generator: Generator) -> dict[str, float]:
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
        before = server.cpu()
        report = generator.load(**common, tokens=str(tokens), once=once, seconds=self.load.seconds)
        cpu = (server.cpu() - before) / report["requests"] * 1e6
        measured = {metric: report[metric] for metric in ("rate", "p50", "p95", "p99")}
        return {"cpu": cpu, "rss": server.rss(), **measured}

    def _check(self, site: Site) -> None:
        """Raise RuntimeError unless a good token passes and, with policies, a bad one does not."""
        good = self.tokens.known.read_text("utf-8").split(maxsplit=1)[0]
        expected = {good: 200, good[:-4] + "AAAA": 200 if site.public_pem is None else 401}
        for token, status in expected.items():
            connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
            connection.request("GET", _TARGET, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse().status
            connection.close()
            if answer != status:
                raise RuntimeError(f"answered {answer} where {status} was right")
