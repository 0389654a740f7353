"""The findings as a table: hostcalls and cases down, phases across."""

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
"""A guest that makes a hostcall where it may not is stopped."""


def cell(status: Status | None) -> str:
    """Return a status as the tables show it."""
    return STOPPED if status is None else str(int(status))


def rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, list[Finding]]]:
    """Return hostcall, case, and its findings in the order of the phases."""
    for (name, label), found in groupby(findings, lambda f: (f.case.hostcall, f.case.label)):
        yield name, label, list(found)


def as_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Return a list of what was found, a row a case and phase."""
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
    """Return the table of a page; phases that answer alike are named together."""
    lines = ["| hostcall | case | status |", "|---|---|---|"]
    lines += [f"| `{name}` | {label} | {told(found)} |" for name, label, found in rows(findings)]
    return "\n".join(lines)


def told(found: Sequence[Finding]) -> str:
    """Name the status of most phases, then where it is another one."""
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
