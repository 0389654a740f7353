"""Thousands of open connections: how many requests a second, how late, and how much memory each.

Two threads share the cores with clients and upstream, which sleep when there is nothing to do: what
they take is shown. A closed loop finds the rate at which the gateway is full; an open loop then
sends a share of it on the same number of connections, independent of responses (a Poisson
process; the latency of a request counts from when it was due).
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from results import Result, summary
from standalone import Bench, Shape, wait_until_it_listens

if TYPE_CHECKING:
    from generator import Generator
    from processes import Server
    from rich.progress import Progress

CONNECTIONS = 8_000
SHARE = 0.7
SATURATED, OPEN = "scale.saturated", "scale.open"
_WARM_UP_SECONDS = 2.0
_LATENCIES = ("rate", "p50", "p95", "p99", "errors")


class Scale:
    """A number of threads, each with its core, or with its part of all."""

    def __init__(self, bench: Bench, *, threads: int, rounds: int, seconds: float) -> None:
        self.bench = bench
        self.threads = threads
        self.rounds = rounds
        self.seconds = seconds
        # One thread leaves a core for clients and upstream, several share all.
        self._shared = os.sched_getaffinity(0) if threads > 1 else None

    @property
    def subject(self) -> str:
        """Return the name of what is measured."""
        return f"wasmgate, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def run(self, progress: Progress) -> list[Result]:
        """Measure all rounds. Raises RuntimeError when a run could not be performed."""
        task = progress.add_task(f"scale {self.subject}", total=self.rounds)
        samples: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(self.rounds):
            for key, value in self._round().items():
                samples[key].append(value)
            progress.update(task, advance=1, refresh=True)
        params = {
            "connections": CONNECTIONS,
            "threads": self.threads,
            "cores": len(self._shared or self.bench.gateway_cores),
            "seconds": self.seconds,
        }
        return [
            summary(question, self.subject, metric, values, **params)
            for (question, metric), values in samples.items()
        ]

    def _round(self) -> dict[tuple[str, str], float]:
        shape = Shape(threads=self.threads)
        options = ("-prefix", "/orders/42", "-user")
        with (
            self.bench.generator(*options, wanted=self._shared) as generator,
            self.bench.server(shape, generator.upstream, wanted=self._shared) as server,
        ):
            wait_until_it_listens(server)
            usual = self.bench.command(
                server, shape, keep=True, sleep=self._shared is not None, seconds=_WARM_UP_SECONDS
            )
            generator.attempt(**usual)
            alone = server.rss()
            usual["connections"] = CONNECTIONS
            generator.attempt(**usual)
            measured = {
                ("scale.connection", "memory"): (server.rss() - alone) / CONNECTIONS * 1000,
            }
            usual["seconds"] = self.seconds
            saturated = self._measured(server, generator, usual)
            opened = self._measured(
                server, generator, usual | {"rate": saturated["rate"] * SHARE, "keep": False}
            )
        for question, found in {SATURATED: saturated, OPEN: opened}.items():
            measured |= {(question, metric): value for metric, value in found.items()}
        return measured

    @staticmethod
    def _measured(
        server: Server, generator: Generator, command: dict[str, Any]
    ) -> dict[str, float]:
        before = server.cpu()
        report = generator.attempt(**command)
        requests = report["requests"]
        report["errors"] += requests - report["statuses"].get("200", 0)
        cpu = {
            "cpu": (server.cpu() - before) / requests * 1e6,
            "load": report["cpu"] / requests * 1e6,
            "rss": server.rss(),
        }
        return {metric: report[metric] for metric in _LATENCIES} | cpu
