"""What a run of the differential fuzzer found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fuzz.outcomes import compare_forms, compare_nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.outcomes import Outcome

COMPARE = {"asgi": compare_forms, "nginx": compare_nginx}
COMPARED = tuple(COMPARE)
"""The subjects that may be compared to the data plane."""
COUNTERS = ("known", "found")

Record = dict[str, Any]
"""A line of a journal."""


@dataclass
class Findings:
    """How many inputs there were, and the differences between them: expected, and by name."""

    inputs: int = 0
    subjects: Counter[str] = field(default_factory=Counter)
    """How many of them were compared with what each subject made of them."""
    once: int = 0
    """Inputs that differed, and did not when they were sent again."""
    known: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def add(
        self, number: int, data: bytes, outcomes: dict[str, Outcome], *, lasting: bool
    ) -> Iterator[Record]:
        """Count what the subjects made of an input, and give what a journal must keep of it.

        `lasting` is False for an input whose difference did not come back.
        """
        self.inputs += 1
        if not lasting:
            self.once += 1
            yield {"once": number}
        for name, what, reason in differences(data, outcomes):
            if reason is not None:
                self.known[f"{name}: {reason}"] += 1
                continue
            self.found[f"{name}: {what}"] += 1
            both = (outcomes["direct"], outcomes[name])
            yield {
                "finding": f"{name}: {what}",
                "input": number,
                "data": repr(data),
                "outcomes": [
                    f"{one.statuses} {one.end} {one.forwarded} {[its.fields for its in one.seen]}"
                    for one in both
                ],
            }

    def merge(self, other: Findings) -> None:
        """Add what another batch found."""
        self.inputs += other.inputs
        self.subjects += other.subjects
        self.once += other.once
        self.known += other.known
        self.found += other.found

    def record(self, numbers: range) -> Record:
        """Return what a journal keeps of a batch that was tried."""
        counts = {name: dict(getattr(self, name)) for name in COUNTERS}
        tried = {"tried": [numbers.start, numbers.stop], "subjects": sorted(self.subjects)}
        return {**tried, "once": self.once, **counts}

    def lines(self) -> Iterator[str]:
        """Say it."""
        yield f"{self.inputs} inputs, {self.once} differed once and not when they were sent again"
        for name, number in sorted(self.subjects.items()):
            yield f"{number} of them with {name}"
        for name, number in self.known.most_common():
            yield f"{number} x {name}"
        for name, number in self.found.most_common():
            yield f"FOUND {number} x {name}"


def differences(data: bytes, outcomes: dict[str, Outcome]) -> Iterator[tuple[str, str, str | None]]:
    """Name each subject that differs from the data plane, how, and why if it is known."""
    direct = outcomes["direct"]
    if direct.end == "cut" or (direct.end == "closed" and not direct.came):
        yield "direct", f"{direct.statuses} {direct.end}", None
    for name in sorted(outcomes.keys() & COMPARE.keys()):
        difference = COMPARE[name](data, direct, outcomes[name])
        if difference is not None:
            yield name, *difference
