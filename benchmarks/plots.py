"""A dot for each subject's median and a line from its lowest to its highest round, as plain SVG.

The axis is logarithmic: the subjects are up to a hundred times apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tables import digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from results import Result

_WIDTH, _LEFT, _RIGHT = 720, 220, 30
_TOP, _ROW, _BOTTOM = 44, 26, 40
_OURS, _THEIRS = "#0b6e4f", "#7a7f87"
_STYLE = "font-family: sans-serif; font-size: 13px; fill: #30343a; background: #ffffff"


def dots(title: str, unit: str, results: Sequence[Result]) -> str:
    """Return a plot of at least one result, the best one at the top."""
    ordered = sorted(results, key=lambda result: result.median)
    low = math.floor(math.log10(min(result.min for result in ordered)))
    high = math.ceil(math.log10(max(result.max for result in ordered)))
    height = _TOP + _ROW * len(ordered) + _BOTTOM
    size = f'viewBox="0 0 {_WIDTH} {height}" style="{_STYLE}"'
    label = f'role="img" aria-label="{escape(title)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {label}>',
        f'<text x="16" y="24" font-weight="bold">{escape(title)}</text>',
        *_axis(low, high, height, unit),
        *_rows(ordered, low, high),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(value: float, low: int, high: int) -> float:
    share = (math.log10(value) - low) / max(high - low, 1)
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _axis(low: int, high: int, height: int, unit: str) -> Iterator[str]:
    bottom = height - _BOTTOM + 4
    for power in range(low, high + 1):
        x = _x(10.0**power, low, high)
        yield f'<line x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{bottom}" stroke="#d8dbe0"/>'
        label = f"{10.0**power:g} {unit}" if power == high else f"{10.0**power:g}"
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{label}</text>'


def _rows(ordered: Sequence[Result], low: int, high: int) -> Iterator[str]:
    for number, result in enumerate(ordered):
        y = _TOP + _ROW * number + _ROW // 2
        color = _OURS if result.subject.startswith("wasmgate") else _THEIRS
        middle, left, right = (
            _x(value, low, high) for value in (result.median, result.min, result.max)
        )
        name = escape(result.subject)
        yield f'<text x="{_LEFT - 14}" y="{y + 4}" text-anchor="end">{name}</text>'
        yield (
            f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="{color}" stroke-width="3"/>'
        )
        yield f'<circle cx="{middle}" cy="{y}" r="5" fill="{color}"/>'
        yield f'<text x="{max(middle, right) + 10}" y="{y + 4}">{digits(result.median)}</text>'
