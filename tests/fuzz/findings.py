"""What a run of the differential fuzzer found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fuzz.outcomes import compare_forms, compare_nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.outcomes import Outcome

COMPARE = {"asgi": compare_forms, "nginx": compare_nginx}


@dataclass
class Findings:
    """How many inputs there were, and the differences between them: expected, and by name."""

    inputs: int = 0
    repeated: int = 0
    """Inputs that were sent again because they differed; on a busy machine a server may be late."""
    known: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[int, bytes, Outcome, Outcome]] = field(default_factory=dict)

    def add(self, number: int, data: bytes, outcomes: dict[str, Outcome]) -> None:
        """Count what the subjects made of an input."""
        self.inputs += 1
        for name, what, reason in differences(data, outcomes):
            if reason is not None:
                self.known[f"{name}: {reason}"] += 1
            else:
                key = f"{name}: {what}"
                self.found[key] += 1
                self.examples.setdefault(key, (number, data, outcomes["direct"], outcomes[name]))

    def merge(self, other: Findings) -> None:
        """Add what another process found."""
        self.inputs += other.inputs
        self.repeated += other.repeated
        self.known += other.known
        self.found += other.found
        self.examples = other.examples | self.examples

    def lines(self) -> Iterator[str]:
        """Say it."""
        yield f"{self.inputs} inputs, {self.repeated} sent again"
        for name, number in self.known.most_common():
            yield f"{number} x {name}"
        for name, number in self.found.most_common():
            seed, data, *both = self.examples[name]
            yield f"\n{number} x {name}\n  input {seed}: {data!r}"
            for outcome in both:
                yield f"  {outcome.statuses} {outcome.end} {outcome.forwarded}"
                yield f"    {[message.fields for message in outcome.seen]}"


def differences(data: bytes, outcomes: dict[str, Outcome]) -> Iterator[tuple[str, str, str | None]]:
    """Name each subject that differs from the path without ASGI, how, and why if it is known."""
    for name in sorted(outcomes.keys() & COMPARE.keys()):
        difference = COMPARE[name](data, outcomes["direct"], outcomes[name])
        if difference is not None:
            yield name, *difference
