"""The tables of docs/contributing/where-the-time-goes.md, from results/budget.json."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from budget_parts import GUEST, SYSTEM_CALL
from machine import ROOT
from report import fill, machine, written
from results import LATEST, Result, load
from tables import digits, markdown, spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUDGET = LATEST.with_name("budget.json")
PAGE = ROOT / "docs" / "contributing" / "where-the-time-goes.md"

# Parts below this many microseconds are shown as one.
_SMALL = 0.05
_FEW = 100  # instructions
_GROUPS = {
    "the kernel": (SYSTEM_CALL, "interrupts"),
    "Python and the loop": ("Python", "the event loop", "crossing"),
    "the data plane": ("sockets",),
    "the gateway's decisions, in Rust": (
        "reading",
        "routing",
        "the upstream",
        "the response",
        "the exchange",
    ),
    "policies": (GUEST, "hostcalls", "streams", "entering"),
}


def render(*, write: bool = True) -> list[Path]:
    """Renew the page, and return it if it changes."""
    results, meta = load(BUDGET)
    made = {
        "machine": machine(meta),
        "groups": _groups(results),
        "parts": _parts(results),
        "calls": _calls(results),
        "instructions": _instructions(results),
        "sum": _sum(results),
    }
    return written({PAGE: fill(PAGE.read_text("utf-8"), made)}, write=write)


def _found(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.question == "budget.part"]


def _group(part: str) -> str:
    return next(
        (name for name, starts in _GROUPS.items() if part.startswith(starts)),
        "memory, clocks and other libraries",
    )


def _groups(results: Sequence[Result]) -> str:
    sums: dict[str, float] = {}
    for result in _found(results):
        group = _group(result.params["part"])
        sums[group] = sums.get(group, 0.0) + result.median
    total = sum(sums.values())
    ordered = sorted(sums.items(), key=lambda item: -item[1])
    rows = [[name, digits(cpu), f"{cpu / total:.0%}"] for name, cpu in ordered]
    return markdown(["where", "us a request", "share"], rows)


def _parts(results: Sequence[Result]) -> str:
    shown = [result for result in _found(results) if result.median >= _SMALL]
    rows = [
        [result.params["part"], _group(result.params["part"]), spread(result)] for result in shown
    ]
    small = sum(result.median for result in _found(results) if result.median < _SMALL)
    rows.append(["smaller parts together", "", f"{small:.2g}"])
    return markdown(["part", "where", "us a request"], rows)


def _calls(results: Sequence[Result]) -> str:
    times = {result.params["part"]: result.median for result in _found(results)}
    rows = []
    for result in results:
        if result.question == "budget.calls":
            name = result.params["call"]
            cpu = times.get(SYSTEM_CALL + name)
            each = "" if cpu is None else f"{cpu / result.median:.2g}"
            rows.append([f"`{name}`", f"{result.median:.3g}", each])
    return markdown(["system call", "a request", "us of kernel time each"], rows)


def _instructions(results: Sequence[Result]) -> str:
    found = [result for result in results if result.question == "budget.instructions"]
    rows = [
        [result.params["part"], _group(result.params["part"]), f"{result.median:,.0f}"]
        for result in found
        if result.median >= _FEW
    ]
    rows.append(["all", "", f"{sum(result.median for result in found):,.0f}"])
    return markdown(["part", "where", "instructions a request"], rows)


def _sum(results: Sequence[Result]) -> str:
    all_of = {r.params["part"]: r for r in results if r.question == "budget"}
    measured, sampled = all_of["all, without perf"], all_of["all, sampled"]
    rows = [
        ["CPU a request without perf, from `/proc`", spread(measured)],
        ["all samples of perf together", spread(sampled)],
        ["difference", f"{sampled.median / measured.median - 1:+.0%}"],
    ]
    return markdown(["", "us"], rows)


if __name__ == "__main__":
    checking = sys.argv[1:] == ["--check"]
    changed = render(write=not checking)
    for path in changed:
        print(path.relative_to(ROOT))
    sys.exit(int(checking and bool(changed)))
