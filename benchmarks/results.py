"""What a benchmark found, and the files that keep it: `latest.json` and `latest.meta.json`."""

from __future__ import annotations

import dataclasses
import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LATEST = Path(__file__).parent / "results" / "latest.json"

UNITS = {
    "cpu": "us",  # of CPU time: a request, or a step that is named
    "rate": "1/s",
    "p50": "us",
    "p95": "us",
    "p99": "us",
    "rss": "MB",  # 10**6 bytes
    "memory": "kB",  # 10**3 bytes, that a connection adds
    "errors": "",  # requests that were not answered 200
    "share": "",  # of connections, the busiest worker's
    "instructions": "",  # a request
    "calls": "",  # of the system, a request
    "load": "us",  # of CPU time a request, that clients and upstream take
    "time": "us",
    "middleware": "us",  # of CPU time a request, that the middleware adds to an app
    "fuel": "",  # a request
    "compile": "us",
    "first": "us",  # to the first answer
    "memory_later": "kB",  # 10**3 bytes, of an instance that has served for a while
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """One metric of one subject: the median of its rounds, with the lowest and the highest."""

    question: str
    subject: str
    metric: str
    unit: str
    median: float
    min: float
    max: float
    rounds: int
    params: Mapping[str, Any] = field(default_factory=dict)


def summary(
    question: str, subject: str, metric: str, samples: Sequence[float], **params: object
) -> Result:
    """Return what the samples of all rounds say. At least one sample."""
    return Result(
        question=question,
        subject=subject,
        metric=metric,
        unit=UNITS[metric],
        median=_rounded(statistics.median(samples)),
        min=_rounded(min(samples)),
        max=_rounded(max(samples)),
        rounds=len(samples),
        params=params,
    )


def _rounded(value: float) -> float:
    """Four digits say more than the measurement knows."""
    return float(f"{value:.4g}")


def save(results: Sequence[Result], meta: Mapping[str, Any], path: Path) -> None:
    """Write the results, and beside them what they were measured on."""
    path.parent.mkdir(exist_ok=True, parents=True)
    rows = [json.dumps(dataclasses.asdict(result)) for result in results]
    path.write_text("[\n  " + ",\n  ".join(rows) + "\n]\n", "utf-8")
    path.with_suffix(".meta.json").write_text(json.dumps(meta, indent=2) + "\n", "utf-8")


def load(path: Path) -> tuple[list[Result], dict[str, Any]]:
    """Read what `save` wrote."""
    results = [Result(**row) for row in json.loads(path.read_text("utf-8"))]
    meta: dict[str, Any] = json.loads(path.with_suffix(".meta.json").read_text("utf-8"))
    return results, meta
