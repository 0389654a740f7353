"""The aims that were set before anything was built, and whether the run of record reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from launching import KNOWN
from tables import OURS, digits, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from results import Result

_INSTANCE_US = 500
_MEMORY_MB = 96
_CHAIN = ("wasmgate-middleware", "python-jose+limits")
_ASGI = "wasmgate-asgi"


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A figure that should be at most a bound."""

    text: str
    measured: float
    bound: float
    unit: str = ""

    def row(self) -> list[str]:
        """Return the aim as a row of a table."""
        verdict = "yes" if self.measured <= self.bound else "**no**"
        return [
            self.text,
            f"{self.bound:g}{self.unit}",
            f"{digits(self.measured)}{self.unit}",
            verdict,
        ]


def aims(results: Sequence[Result]) -> str:
    """Return a Markdown table of the aims whose questions were answered."""
    rows = [aim.row() for aim in _aims(results)]
    return markdown(["aim", "at most", "measured", "reached"], rows)


def _aims(results: Sequence[Result]) -> Iterator[Aim]:
    median = {(r.question, r.subject, r.metric): r.median for r in results}
    for question, bound in {"chain.known": 0.1, "chain.new": 0.5}.items():
        own, python = (median.get((question, subject, "cpu")) for subject in _CHAIN)
        if own is not None and python is not None:
            tokens = "seen before" if question == "chain.known" else "never seen"
            text = f"the chain adds, of what python-jose and `limits` add, tokens {tokens}"
            yield Aim(text=text, measured=own / python, bound=bound)
    own, go = (median.get((KNOWN, subject, "cpu")) for subject in (_ASGI, "go-nethttp"))
    if own is not None and go is not None:
        text = "CPU a request of the ASGI gateway, of the Go gateway's, tokens seen before"
        yield Aim(text=text, measured=own / go, bound=1)
    memory = [median.get(("memory", subject, "rss")) for subject in (OURS, _ASGI)]
    if measured := [rss for rss in memory if rss is not None]:
        text = "resident memory of a worker, the larger of both forms"
        yield Aim(text=text, measured=max(measured), bound=_MEMORY_MB, unit=" MB")
    times = [r.median for r in results if r.question == "instance"]
    if times:
        text = "an instance of each policy, the slowest"
        yield Aim(text=text, measured=max(times), bound=_INSTANCE_US, unit=" us")
