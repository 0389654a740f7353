"""Medians against what varies, a panel for each, as plain SVG; a line spans a point's rounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tables import digits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from results import Result

_COLUMNS, _PANEL_WIDTH, _PANEL_HEIGHT = 2, 360, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 22, 44, 34
_OURS = "#0b6e4f"
_STYLE = "font-family: sans-serif; font-size: 12px; fill: #30343a; background: #ffffff"

Curve = list[tuple[float, "Result"]]


def panels(title: str, unit: str, curves: Mapping[str, Curve]) -> str:
    """Return the curves; each has at least two points, its values ascending."""
    rows = math.ceil(len(curves) / _COLUMNS)
    width, height = _COLUMNS * _PANEL_WIDTH, rows * _PANEL_HEIGHT + 34
    size = f'viewBox="0 0 {width} {height}" style="{_STYLE}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f'<text x="16" y="22" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, curve) in enumerate(curves.items()):
        row, column = divmod(number, _COLUMNS)
        x, y = column * _PANEL_WIDTH, row * _PANEL_HEIGHT + 28
        parts += [f'<g transform="translate({x} {y})">', *_panel(name, unit, curve), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, unit: str, curve: Curve) -> Iterator[str]:
    across = _across([value for value, _ in curve])
    top = max(result.max for _, result in curve) * 1.1
    bottom = _PANEL_HEIGHT - _BOTTOM

    def down(value: float) -> float:
        return round(bottom - value / top * (bottom - _TOP), 1)

    yield f'<text x="{_LEFT}" y="{_TOP - 18}">{escape(name)}</text>'
    for share in (0.0, 0.5, 1.0):
        y = down(top * share)
        end = _PANEL_WIDTH - _RIGHT
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{end}" y2="{y}" stroke="#d8dbe0"/>'
        label = digits(top * share) + (f" {unit}" if share == 1 else "")
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{label}</text>'
    places = [(across(value), down(result.median)) for value, result in curve]
    line = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline points="{line}" fill="none" stroke="{_OURS}" stroke-width="2"/>'
    for (value, result), (x, y) in zip(curve, places, strict=True):
        ends = f'y1="{down(result.min)}" y2="{down(result.max)}"'
        yield f'<line x1="{x}" x2="{x}" {ends} stroke="{_OURS}"/>'
        yield f'<circle cx="{x}" cy="{y}" r="3.5" fill="{_OURS}"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{_short(value)}</text>'


def _across(values: Sequence[float]) -> Callable[[float], float]:
    """Place values evenly: most of them double, or grow tenfold."""
    step = (_PANEL_WIDTH - _RIGHT - _LEFT - 20) / max(len(values) - 1, 1)
    return lambda value: round(_LEFT + 10 + values.index(value) * step, 1)


def _short(value: float) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
