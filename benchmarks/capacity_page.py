"""The tables and plots of docs/reference/capacity.md, from results/capacity.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import model
from curves import panels
from growth import USUAL, VARIED
from half_core import HALF, SHARE
from report import REFERENCE, fill, machine, written
from results import LATEST, Result, load
from scale import OPEN, SATURATED
from tables import digits, markdown, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CAPACITY = LATEST.with_name("capacity.json")
PAGE = REFERENCE / "capacity.md"
PLOT = REFERENCE / "capacity.svg"
_TITLE = "CPU a request, `wasmgate run`, one core"
_CURVES = {
    "connections": "connections, all busy",
    "policies": "policies (JWT, rate limit, then rewrites)",
    "routes": "routes, all used equally",
    "fields": "headers of a request",
    "response": "bytes of a response's body",
    "request": "bytes of a request's body",
}
_MILLISECOND, _SECOND_US, _GB_KB = 1000.0, 1e6, 1e6


def render(*, write: bool = True) -> list[Path]:
    """Renew page and plot, and return those that change."""
    results, meta = load(CAPACITY)
    made = {
        "machine": machine(meta),
        "growth": _growth(results),
        "model": _model(results),
        "checks": _checks(results),
        "scale": _scale(results),
        "memory": _memory(results),
    }
    curves = {title: _curve(results, varied) for varied, title in _CURVES.items()}
    pages = {
        PAGE: fill(PAGE.read_text("utf-8"), made),
        PLOT: panels(_TITLE.replace("`", ""), "us", curves),
    }
    return written(pages, write=write)


def _of(results: Sequence[Result], question: str) -> list[Result]:
    return [result for result in results if result.question == question]


def _curve(results: Sequence[Result], varied: str) -> list[tuple[float, Result]]:
    return [(result.params[varied], result) for result in _of(results, f"growth.{varied}")]


def _growth(results: Sequence[Result]) -> str:
    rows = []
    for varied, title in _CURVES.items():
        for value, result in _curve(results, varied):
            usual = " (usual)" if value == USUAL[varied] else ""
            rate = f"{_SECOND_US / result.median:,.0f}"
            rows.append([title, f"{value:,.0f}{usual}", spread(result), rate])
    heads = ["what varies", "value", "CPU a request, us", "requests a second, one core"]
    return markdown(heads, rows)


def _model(results: Sequence[Result]) -> str:
    costs = model.fit(results).costs
    return markdown(
        ["a request has", "us"], [[name, f"{cost:.3g}"] for name, cost in costs.items()]
    )


def _checks(results: Sequence[Result]) -> str:
    fitted = model.fit(results)
    rows = list(_errors(results, fitted))
    for result in _of(results, "growth.mixed"):
        point = result.params
        rows.append(_check(f"CPU, us: {_described(point)}", fitted.cpu(point), result.median))
    for result in _of(results, HALF):
        point = result.params
        predicted = SHARE * _SECOND_US / fitted.cpu(point)
        what = f"requests a second on half a core: {_described(point)}"
        rows.append(_check(what, predicted, result.median))
    rows += _two_threads(results, fitted)
    return markdown(["prediction", "predicted", "measured", "error"], rows)


def _errors(results: Sequence[Result], fitted: model.Model) -> Iterator[list[str]]:
    points = [r for r in results if r.question.startswith("growth.") and model.is_fitted(r)]
    worst = max(points, key=lambda r: abs(fitted.cpu(r.params) / r.median - 1))
    what = f"CPU, us: the worst point of the fit, {_described(worst.params)}"
    yield _check(what, fitted.cpu(worst.params), worst.median)


def _two_threads(results: Sequence[Result], fitted: model.Model) -> Iterator[list[str]]:
    """Two threads share two cores with clients and upstream, whose cost is taken as measured."""
    measured = {r.metric: r for r in _of(results, SATURATED) if r.params["threads"] > 1}
    if measured:
        params = measured["rate"].params
        own = fitted.cpu(USUAL | {"connections": params["connections"] // params["threads"]})
        cores = params["cores"]
        predicted = cores * _SECOND_US / (own + measured["load"].median)
        what = (
            f"requests a second, {params['threads']} threads, {params['connections']:,} connections"
        )
        yield _check(what, predicted, measured["rate"].median)


def _check(what: str, predicted: float, measured: float) -> list[str]:
    return [what, digits(predicted), digits(measured), f"{predicted / measured - 1:+.0%}"]


def _described(point: Mapping[str, int]) -> str:
    """Say what is not usual about a point."""
    words = {name: name for name in VARIED} | {"fields": "headers"}
    unusual = [name for name in VARIED if point[name] != USUAL[name]]
    return ", ".join(f"{words[name]} {point[name]:,}" for name in unusual) or "the usual request"


def _scale(results: Sequence[Result]) -> str:
    rows = []
    titles = {SATURATED: "saturated, closed loop", OPEN: "70 % of that rate, open loop"}
    for question, title in titles.items():
        by_subject: dict[str, dict[str, Result]] = {}
        for result in _of(results, question):
            by_subject.setdefault(result.subject, {})[result.metric] = result
        for subject, found in by_subject.items():
            late = (f"{found[p].median / _MILLISECOND:,.1f}" for p in ("p50", "p95", "p99"))
            rate = f"{found['rate'].median:,.0f}"
            cpu = (spread(found[metric]) for metric in ("cpu", "load"))
            rows.append([f"{subject}: {title}", rate, *late, f"{found['errors'].max:,.0f}", *cpu])
    heads = ["load", "requests a second", "p50, ms", "p95, ms", "p99, ms", "errors, worst round"]
    heads += ["CPU a request, us", "clients and upstream, us"]
    return markdown(heads, rows)


def _memory(results: Sequence[Result]) -> str:
    rows = []
    for result in _of(results, "scale.connection"):
        if result.metric == "memory":
            fit = f"{_GB_KB / result.median:,.0f}"
            rows.append([result.subject, spread(result), fit])
    return markdown(["gateway", "kB a connection", "connections in a GB"], rows)
