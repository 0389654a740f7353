"""Runs the probes and compares their statuses with the expected ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate.conformance.cases import CASES
from wasmgate.conformance.phases import ALWAYS_ALLOWED, PHASES, Kind
from wasmgate.conformance.statuses import TOLERATED, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate.conformance.cases import Case
    from wasmgate.conformance.phases import Phase

__all__ = ["Finding", "run"]


@dataclass(frozen=True)
class Finding:
    """The status of a case in a phase; None: the call trapped."""

    case: Case
    phase: Phase
    status: Status | None

    @property
    def expected(self) -> frozenset[Status | None]:
        """The statuses that are right."""
        case, limited = self.case, self.phase.kind is Kind.LIMITED
        if self.phase.name in case.where or (limited and case.hostcall in ALWAYS_ALLOWED):
            return frozenset({case.expected})
        if limited:
            return frozenset({None})
        tolerated = TOLERATED.get(case.hostcall, frozenset())
        return frozenset({Status.OK, case.expected}) | tolerated | _out_of_place(case)

    @property
    def right(self) -> bool:
        """Whether the status is right."""
        return self.status in self.expected


def _out_of_place(case: Case) -> frozenset[Status]:
    """Return whether the call has no effect in this phase, so that it may report that."""
    changes = ("proxy_set_", "proxy_add_", "proxy_replace_", "proxy_remove_", "proxy_done")
    if case.hostcall.startswith(changes):
        return frozenset({Status.BAD_ARGUMENT, Status.NOT_FOUND})
    return frozenset()


def run(
    progress: Callable[[int, int], None] = lambda _done, _all: None, *, containing: str = ""
) -> list[Finding]:
    """Probe every case in every phase and return the findings.

    `progress` is called with the number of finished probes and their total. `containing` selects
    hostcalls by a text in their names.
    """
    from wasmgate.conformance.exchange import reported  # noqa: PLC0415 (the extension)

    cases = [case for case in CASES if containing in case.hostcall]
    findings: list[Finding] = []
    for case in cases:
        for phase in PHASES:
            progress(len(findings), len(cases) * len(PHASES))
            findings.append(Finding(case, phase, reported(case, phase)))
    return findings
