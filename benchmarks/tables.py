"""Results as tables: for the terminal, and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launching import KNOWN, NEW, PLAIN
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from results import Result

OURS = "wasmgate"
_CHAIN_OURS = "wasmgate-middleware"
_COLUMNS = {
    "cpu": "CPU a request, us",
    "rate": "requests a second",
    "p50": "p50, ms",
    "p95": "p95, ms",
    "p99": "p99, ms",
    "rss": "resident memory, MB",
}
_GATEWAYS = {
    PLAIN: "Forwarding only",
    KNOWN: "JWT, rate limit, rewrite: tokens seen before",
    NEW: "JWT, rate limit, rewrite: every token new",
}
_STEPS = {
    ("callback", "time"): "an empty callback",
    ("hostcall", "time"): "a hostcall",
    ("instance", "time"): "an instance, started and configured",
    ("tenant", "time"): "a tenant's first request, in addition to the request itself",
    ("tenant", "memory"): "a tenant's memory",
    ("compile", "time"): "a module compiled, an instance tried",
    ("load", "time"): "a module from the cache, an instance tried",
    ("swap.new", "time"): "from a reload to the first response, a module that is not in the cache",
    ("swap.cached", "time"): "from a reload to the first response, a module from the cache",
    ("start", "time"): (
        "from the start of `wasmgate run` to its first response, three cached policies"
    ),
    ("background", "p50"): "a request of another route, the median, beside",
    ("background", "p99"): "a request of another route, 99 of 100, beside",
}
_MILLISECOND = 1000.0
_HUNDRED = 99.95


def shown(results: Sequence[Result]) -> Table:
    """Return every result as a row."""
    table = Table("question", "subject", "metric", "median", "lowest", "highest", "unit")
    for result in results:
        subject = _of(result) or result.subject
        values = (f"{value:,.4g}" for value in (result.median, result.min, result.max))
        table.add_row(result.question, subject, result.metric, *values, result.unit)
    return table


def gateways(results: Sequence[Result]) -> str:
    """Return one Markdown table for each question about gateways that was answered."""
    parts = []
    for question, title in _GATEWAYS.items():
        found = _by_subject(results, question)
        if found:
            parts.append(f"**{title}**\n\n{_gateway_table(found)}")
    return "\n\n".join(parts)


def _gateway_table(found: dict[str, dict[str, Result]]) -> str:
    own = found.get(OURS)
    rows = []
    for subject, metrics in found.items():
        cells = [_cell(metrics[metric], metric) for metric in _COLUMNS]
        ratio = f"{metrics['cpu'].median / own['cpu'].median:.2f}" if own else ""
        rows.append([f"`{subject}`", cells[0], ratio, *cells[1:]])
    first, *others = _COLUMNS.values()
    return markdown(["gateway", first, f"times `{OURS}`", *others], rows)


def summary(results: Sequence[Result]) -> str:
    """Return the CPU of every gateway on every question, and its memory, as one Markdown table."""
    found = {question: _by_subject(results, question) for question in _GATEWAYS}
    # First those who do all the work, in their order.
    subjects = dict.fromkeys(name for question in (KNOWN, PLAIN) for name in found[question])
    rows = []
    for subject in subjects:
        measured = [found[question].get(subject) for question in _GATEWAYS]
        cells = [digits(metrics["cpu"].median) if metrics else "" for metrics in measured]
        memory = max(metrics["rss"].median for metrics in measured if metrics)
        rows.append([f"`{subject}`", *cells, f"{memory:,.0f}"])
    heads = ["forwarding only", "tokens seen before", "every token new", "memory, MB"]
    return markdown(["CPU a request, us", *heads], rows)


def _cell(result: Result, metric: str) -> str:
    if metric in {"p50", "p95", "p99"}:
        return f"{result.median / _MILLISECOND:.2f}"
    if metric == "cpu":
        return spread(result)
    return f"{result.median:,.0f}"


def chain(results: Sequence[Result]) -> str:
    """Return what the three policies add in process, as a Markdown table."""
    known, new = _by_subject(results, "chain.known"), _by_subject(results, "chain.new")
    rows = []
    for subject in known:
        row = [f"`{subject}`"]
        for found in (known, new):
            own, cpu = found[_CHAIN_OURS]["cpu"], found[subject]["cpu"]
            row += [spread(cpu), f"{cpu.median / own.median:.2f}"]
        rows.append(row)
    times = f"times `{_CHAIN_OURS}`"
    heads = ["subject", "token seen before: CPU added, us", times, "never seen, us", times]
    return markdown(heads, rows)


def host(results: Sequence[Result]) -> str:
    """Return what the steps of the host cost, as a Markdown table."""
    rows = []
    for step, title in _STEPS.items():
        for result in results:
            if (result.question, result.metric) == step:
                of = _of(result)
                rows.append([f"{title}: `{of}`" if of else title, _value(result)])
    return markdown(["step", "time or memory"], rows)


def _of(result: Result) -> str:
    if "module" in result.params:
        return f"{result.subject}: {result.params['step']} {result.params['module']}"
    return str(result.params.get("policy") or result.params.get("hostcall") or "")


def _value(result: Result) -> str:
    if result.unit != "us" or result.median < _MILLISECOND:
        return f"{spread(result)} {result.unit}"
    values = (value / _MILLISECOND for value in (result.median, result.min, result.max))
    return "{} ms ({}..{})".format(*map(digits, values))


def spread(result: Result) -> str:
    """Return the median with the lowest and the highest round."""
    median, lowest, highest = map(digits, (result.median, result.min, result.max))
    return f"{median} ({lowest}..{highest})"


def digits(value: float) -> str:
    """Return three digits, or all of a whole number that has more."""
    return f"{value:,.0f}" if value >= _HUNDRED else f"{value:.3g}"


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table: the first column to the left, the others to the right."""
    lines = [list(heads), ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _by_subject(results: Sequence[Result], question: str) -> dict[str, dict[str, Result]]:
    found: dict[str, dict[str, Result]] = {}
    for result in results:
        if result.question == question:
            found.setdefault(result.subject, {})[result.metric] = result
    return found
