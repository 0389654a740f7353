"""The findings as a table: a row for each hostcall and case, a column for each phase."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from wasmgate.conformance.phases import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wasmgate.conformance.run import Finding
    from wasmgate.conformance.statuses import Status

__all__ = ["STOPPED", "as_json", "as_markdown", "cell", "rows", "told"]

STOPPED = "stopped"
"""The cell of a call that traps: the hostcall is not allowed in this phase."""


def cell(status: Status | None) -> str:
    """Return the cell of a status."""
    return STOPPED if status is None else str(int(status))


def rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, list[Finding]]]:
    """Return hostcall, case, and the findings of each in the order of the phases."""
    for (name, label), found in groupby(findings, lambda f: (f.case.hostcall, f.case.label)):
        yield name, label, list(found)


def as_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Return the findings as values of JSON, one for each case and phase."""
    return [
        {
            "hostcall": finding.case.hostcall,
            "case": finding.case.label,
            "phase": finding.phase.name,
            "status": None if finding.status is None else finding.status.name,
            "right": finding.right,
        }
        for finding in findings
    ]


def as_markdown(findings: Sequence[Finding]) -> str:
    """Return the table of the documentation; phases with the same status are grouped."""
    lines = ["| hostcall | case | status |", "|---|---|---|"]
    lines += [f"| `{name}` | {label} | {told(found)} |" for name, label, found in rows(findings)]
    return "\n".join(lines)


def told(found: Sequence[Finding]) -> str:
    """Return the most frequent status, then the other statuses with their phases."""
    by_status: dict[Status | None, list[str]] = {}
    for finding in found:
        by_status.setdefault(finding.status, []).append(finding.phase.name)
    ordered = sorted(by_status.items(), key=lambda item: -len(item[1]))
    (usual, where), *others = ordered
    if not others:
        return _name(usual)
    told = [f"{_name(status)} in {', '.join(phases)}" for status, phases in others]
    most = "else " if len(where) < len(PHASES) else ""
    return "; ".join([*told, f"{most}{_name(usual)}"])


def _name(status: Status | None) -> str:
    return STOPPED if status is None else f"{int(status)} {status.name}"
