"""The tables of fourteen modules from the cache, in docs/reference/benchmarks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import digits, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from results import Result

LOAD, START = "load", "start"
ALL = "all"
OURS = "wasmgate"

_NOTHING = (
    "The run of record does not have these figures; measure them: `nox -s bench -- --only modules`."
)
_SUBJECTS = {
    OURS: "`wasmgate`: read, found by content, checked, linked",
    "wasmtime-cache": "`wasmtime-cache`: read, found by content, decompressed, checked",
    "wasmtime-file": "`wasmtime-file`: a known file is mapped",
}
_MILLISECOND = 1000.0

Found = dict[tuple[str, str, str, str], "Result"]


def modules(results: Sequence[Result]) -> str:
    """Return what all modules together cost, and each of them, as Markdown tables."""
    found = {
        (r.subject, r.params["step"], r.params["module"], r.metric): r
        for r in results
        if r.question == "modules"
    }
    return "\n\n".join([_together(found), _each(found)]) if found else _NOTHING


def loaded(results: Sequence[Result]) -> list[Result]:
    """Return the CPU that our host takes to load all modules, if that was measured."""
    wanted = {"step": LOAD, "module": ALL}
    of = [r for r in results if (r.question, r.subject, r.metric) == ("modules", OURS, "cpu")]
    return [result for result in of if result.params == wanted]


def _together(found: Found) -> str:
    rows = [
        [title, *(_cell(found[subject, LOAD, ALL, metric]) for metric in ("cpu", "time"))]
        for subject, title in _SUBJECTS.items()
    ]
    started = [_cell(found[OURS, START, ALL, metric]) for metric in ("cpu", "time")]
    rows.append(["`wasmgate`: in addition, the guests started and configured", *started])
    return markdown(["all modules", "CPU, ms", "elapsed, ms"], rows)


def _each(found: Found) -> str:
    names = dict.fromkeys(name for _, _, name, _ in found if name != ALL)
    rows = [
        [f"`{name}`", *(_cell(found[OURS, step, name, "cpu"]) for step in (LOAD, START))]
        for name in names
    ]
    return markdown(["module", "loaded, ms of CPU", "started and configured, ms of CPU"], rows)


def _cell(result: Result) -> str:
    values = (value / _MILLISECOND for value in (result.median, result.min, result.max))
    return "{} ({}..{})".format(*map(digits, values))
