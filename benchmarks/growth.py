"""How CPU a request grows: with connections, routes, policies, bodies both ways, and headers.

A round starts a gateway for each number of routes and policies; everything else is asked of one of
them. Each request is the usual one but for what is varied.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from results import Result, summary
from standalone import BODY, CONNECTIONS, FIELDS, POLICIES, Bench, Shape

if TYPE_CHECKING:
    from generator import Generator
    from processes import Server
    from rich.progress import Progress

SUBJECT = "wasmgate"
_WARM_UP_SECONDS = 0.4
_MANY = 2_000  # connections

# What varies: the values, and what the load generator is told for one.
VARIED: dict[str, tuple[int, ...]] = {
    "fields": (5, 15, 30, 45, 60),
    "response": (100, 1_000, 10_000, 100_000, 1_000_000),
    "request": (0, 100, 1_000, 10_000, 100_000, 1_000_000),
    "connections": (1, 8, 32, 128, 512, 2_000, 8_000),
    "routes": (1, 10, 50, 100, 200),
    "policies": (0, 1, 2, 3, 5, 7, 10),
}
USUAL = {
    "fields": FIELDS,
    "response": BODY,
    "request": 0,
    "connections": CONNECTIONS,
    "routes": 1,
    "policies": POLICIES,
}
# Not one dimension alone: what the model that is fitted to the others is checked with.
MIXED = (
    {"fields": 20, "response": 10_000, "routes": 50, "policies": 5, "connections": 512},
    {"fields": 40, "request": 10_000, "response": 1_000, "policies": 10, "connections": 128},
    {"fields": 10, "response": 100_000, "routes": 200, "policies": 0, "connections": 32},
)

Point = dict[str, int]


def points(varied: str) -> list[Point]:
    """Return what is measured for one curve."""
    return [USUAL | {varied: value} for value in VARIED[varied]]


def told(point: Point) -> dict[str, Any]:
    """Return what the load generator is told about a point."""
    return {
        "connections": point["connections"],
        "fields": point["fields"] - FIELDS,
        "body": point["request"],
        "size": point["response"],
    }


class Growth:
    """All curves, and the points that are on none of them."""

    def __init__(self, bench: Bench, *, rounds: int, seconds: float) -> None:
        self.bench = bench
        self.rounds = rounds
        self.seconds = seconds
        self.asked = {f"growth.{varied}": points(varied) for varied in VARIED}
        self.asked["growth.mixed"] = [USUAL | point for point in MIXED]

    def run(self, progress: Progress) -> list[Result]:
        """Measure. Raises RuntimeError when a run is not valid."""
        different = {tuple(sorted(p.items())) for asked in self.asked.values() for p in asked}
        shapes: dict[Shape, list[Point]] = defaultdict(list)
        for items in sorted(different):
            point = dict(items)
            shapes[Shape(routes=point["routes"], policies=point["policies"])].append(point)
        task = progress.add_task("growth", total=self.rounds * len(different))
        samples: dict[tuple[tuple[str, int], ...], list[float]] = defaultdict(list)
        with self.bench.generator() as generator:
            for _ in range(self.rounds):
                for shape, wanted in shapes.items():
                    for point, cpu in self._measured(shape, wanted, generator):
                        samples[tuple(sorted(point.items()))].append(cpu)
                        progress.update(task, advance=1, refresh=True)
        return [
            summary(question, SUBJECT, "cpu", samples[tuple(sorted(point.items()))], **point)
            for question, asked in self.asked.items()
            for point in asked
        ]

    def _measured(
        self, shape: Shape, wanted: list[Point], generator: Generator
    ) -> list[tuple[Point, float]]:
        with self.bench.server(shape, generator.upstream) as server:
            return [(point, self._cpu(server, shape, point, generator)) for point in wanted]

    def _cpu(self, server: Server, shape: Shape, point: Point, generator: Generator) -> float:
        # Connections are made, and policies' memories filled, before anything counts.
        warm_up = self.bench.command(
            server, shape, **told(point), seconds=_WARM_UP_SECONDS, keep=True
        )
        generator.load(**warm_up)
        before = server.cpu()
        # Each connection has its turn a few times.
        seconds = self.seconds * (1 + point["connections"] // _MANY)
        report = generator.load(**(warm_up | {"seconds": seconds, "keep": False}))
        return (server.cpu() - before) / float(report["requests"]) * 1e6
