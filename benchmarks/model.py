"""A linear model of the CPU time of a request: a constant, and a cost for each property.

It is fitted by least squares to the medians of the growth curves. The errors are relative, so an
error of a tenth counts the same at 20 us as at 400 us. The point of one connection is left out:
there the gateway sleeps between two requests, and the cost of waking it dominates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from growth import USUAL
from standalone import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from results import Result

_KILOBYTE = 1000

# What a request has, and how much of it at a point of a curve.
TERMS = {
    "any request": lambda _: 1.0,
    "policies, if any": lambda point: float(point["policies"] > 0),
    "each policy": lambda point: float(point["policies"]),
    "each header beyond five": lambda point: float(point["fields"] - FIELDS),
    "a request body": lambda point: float(point["request"] > 0),
    "each kB of the request body": lambda point: point["request"] / _KILOBYTE,
    "each kB of the response body": lambda point: point["response"] / _KILOBYTE,
    "each further route, all used equally": lambda point: float(point["routes"] - 1),
    "each doubling of the connections beyond 32": lambda point: math.log2(
        max(point["connections"], USUAL["connections"]) / USUAL["connections"]
    ),
}


@dataclass(frozen=True)
class Model:
    """What each term costs, in microseconds."""

    costs: Mapping[str, float]

    def cpu(self, point: Mapping[str, int]) -> float:
        """Return the microseconds of CPU that a request takes."""
        return sum(cost * TERMS[name](point) for name, cost in self.costs.items())


def fit(results: Sequence[Result]) -> Model:
    """Fit the curves' medians; their points must determine every term."""
    rows, wanted = [], []
    for result in results:
        if result.question.startswith("growth.") and is_fitted(result):
            rows.append([term(result.params) / result.median for term in TERMS.values()])
            wanted.append(1.0)
    costs = least_squares(rows, wanted)
    return Model(dict(zip(TERMS, costs, strict=True)))


def is_fitted(result: Result) -> bool:
    """Tell whether the model is fitted to a point; the mixed ones check it."""
    return result.question != "growth.mixed" and result.params["connections"] > 1


def least_squares(rows: Sequence[Sequence[float]], wanted: Sequence[float]) -> list[float]:
    """Solve the normal equations. Raises ZeroDivisionError if they do not determine a term."""
    size = len(rows[0])
    left = [[sum(row[i] * row[j] for row in rows) for j in range(size)] for i in range(size)]
    right = [
        sum(row[i] * value for row, value in zip(rows, wanted, strict=True)) for i in range(size)
    ]
    matrix = [[*line, value] for line, value in zip(left, right, strict=True)]
    for i in range(size):
        best = max(range(i, size), key=lambda row: abs(matrix[row][i]))
        matrix[i], matrix[best] = matrix[best], matrix[i]
        matrix[i] = [value / matrix[i][i] for value in matrix[i]]
        for row in range(size):
            if row != i:
                factor = matrix[row][i]
                matrix[row] = [a - factor * b for a, b in zip(matrix[row], matrix[i], strict=True)]
    return [line[-1] for line in matrix]
