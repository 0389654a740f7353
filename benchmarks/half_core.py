"""Half a core: the same gateway, given 5 of every 10 ms (cgroups(7), the controller `cpu`)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from growth import SUBJECT, USUAL, told
from results import Result, summary
from standalone import Bench, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processes import Server
    from rich.progress import Progress

HALF = "capacity.half"
SHARE = 0.5
# What is predicted from the model and measured.
POINTS = (USUAL, USUAL | {"policies": 0}, USUAL | {"policies": 10, "fields": 30})
_PERIOD_US = 10_000
_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
_WARM_UP_SECONDS = 1.0


def missing() -> str | None:
    """Say why processes cannot be given half a core."""
    try:
        with _group():
            return None
    except OSError as error:
        return f"no group with a CPU quota can be made: {error}"


@contextlib.contextmanager
def _group() -> Iterator[Path]:
    """Make a group of processes with the quota; it ends when they have left."""
    first = (_V1 / "cpu.cfs_quota_us").exists() or (_V1 / "tasks").exists()
    group = (_V1 if first else _V2) / f"wasmgate-half-{os.getpid()}"
    quota = int(_PERIOD_US * SHARE)
    group.mkdir()
    try:
        if first:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US), "ascii")
            (group / "cpu.cfs_quota_us").write_text(str(quota), "ascii")
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}", "ascii")
        yield group
    finally:
        group.rmdir()


def measure(bench: Bench, *, rounds: int, seconds: float, progress: Progress) -> list[Result]:
    """Measure the rate of each point with half a core."""
    task = progress.add_task("half a core", total=rounds * len(POINTS))
    rates: list[list[float]] = [[] for _ in POINTS]
    with bench.generator() as generator, _group() as group:
        for _ in range(rounds):
            for point, samples in zip(POINTS, rates, strict=True):
                shape = Shape(routes=point["routes"], policies=point["policies"])
                with bench.server(shape, generator.upstream) as server:
                    usual = bench.command(server, shape, **told(point), keep=True)
                    generator.load(**usual, seconds=_WARM_UP_SECONDS)
                    _join(server, group)
                    report = generator.load(**(usual | {"keep": False}), seconds=seconds)
                samples.append(report["rate"])
                progress.update(task, advance=1, refresh=True)
    return [
        summary(HALF, SUBJECT, "rate", samples, **point)
        for point, samples in zip(POINTS, rates, strict=True)
    ]


def _join(server: Server, group: Path) -> None:
    for pid in server.pids():
        (group / "cgroup.procs").write_text(str(pid), "ascii")
