"""The aims that were set for the data plane, and whether the run of record reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from launching import KNOWN, NEW, PLAIN
from modules_page import loaded
from tables import OURS, digits, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from results import Result

_INSTANCE_US = 500
# The slowest policy counts.
_TIMES_MS = {
    "swap.new": ("a swap to a module that is not in the cache", 120),
    "swap.cached": ("a swap to a module from the cache", 5),
    "start": ("`wasmgate run` with three cached policies, to its first response", 200),
}
_MODULES_MS = 100
_MEMORY_MB = {"wasmgate": 56, "wasmgate-asgi": 96}
_QUESTIONS = {
    PLAIN: "forwarding only",
    KNOWN: "tokens seen before",
    NEW: "every token new",
    "chain.known": "in an app, tokens seen before",
    "chain.new": "in an app, every token new",
}
# CPU a request of the first, divided by that of the second.
_RATIOS = (
    (PLAIN, OURS, "nginx", 1.1),
    (KNOWN, OURS, "go-nethttp", 0.25),
    (KNOWN, OURS, "go-nethttp-memory", 0.5),
    (KNOWN, OURS, "go-fasthttp-memory", 1.25),
    (KNOWN, OURS, "rust-hyper-memory", 1.4),
    (KNOWN, OURS, "envoy-native", 0.3),
    (KNOWN, OURS, "envoy-wasm", 0.3),
    (KNOWN, "wasmgate-asgi", "go-nethttp", 0.6),
    (NEW, OURS, "go-nethttp", 0.5),
    (NEW, OURS, "go-fasthttp", 0.75),
    (NEW, OURS, "rust-hyper", 1.2),
    ("chain.known", "wasmgate-middleware", "python-jose+limits", 0.1),
    ("chain.new", "wasmgate-middleware", "python-jose+limits", 0.4),
)


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
            f"{self.bound:.3g}{self.unit}",
            f"{digits(self.measured)}{self.unit}",
            verdict,
        ]


def aims(results: Sequence[Result]) -> str:
    """Return a Markdown table of the aims whose questions were answered."""
    rows = [aim.row() for aim in _aims(results)]
    return markdown(["aim", "at most", "measured", "reached"], rows)


def _aims(results: Sequence[Result]) -> Iterator[Aim]:
    median = {(r.question, r.subject, r.metric): r.median for r in results}
    for question, text in _QUESTIONS.items():
        for asked, own, peer, bound in _RATIOS:
            measured = [median.get((question, subject, "cpu")) for subject in (own, peer)]
            if asked == question and measured[0] is not None and measured[1]:
                told = f"{text}: `{own}` divided by `{peer}`"
                yield Aim(text=told, measured=measured[0] / measured[1], bound=bound)
    for subject, bound in _MEMORY_MB.items():
        measured_mb = median.get(("memory", subject, "rss"))
        if measured_mb is not None:
            text = f"resident memory with three policies: `{subject}`"
            yield Aim(text=text, measured=measured_mb, bound=bound, unit=" MB")
    for question, (text, bound) in _TIMES_MS.items():
        slowest = max((r.median for r in results if r.question == question), default=None)
        if slowest is not None:
            yield Aim(text=text, measured=slowest / 1e3, bound=bound, unit=" ms")
    for result in loaded(results):
        text = "fourteen third-party modules from the cache, ready to start: CPU"
        yield Aim(text=text, measured=result.median / 1e3, bound=_MODULES_MS, unit=" ms")
    times = [r.median for r in results if r.question == "instance"]
    if times:
        text = "an instance of each policy, the slowest"
        yield Aim(text=text, measured=max(times), bound=_INSTANCE_US, unit=" us")
