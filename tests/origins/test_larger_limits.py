"""The limits that a hint says to write for a policy that does not start."""

from __future__ import annotations

import pytest

from wasmgate.origins.larger_limits import with_memory, with_start_fuel


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (100, "limits: { fuel: 5, start_fuel: 200_000_000 }"),
        (200_000_000, "limits: { fuel: 5, start_fuel: 20_000_000_000 }"),
        (20_000_000_000, "limits: { fuel: 5, start_fuel: 80_000_000_000 }"),
        (2**53 - 1, f"limits: {{ fuel: 5, start_fuel: {2**53:_} }}"),
        (2**53, ""),
    ],
)
def test_more_fuel_is_what_guests_are_known_to_need(used: int, expected: str) -> None:
    """First of Rust, then of Go, and never more than a file may say."""
    assert with_start_fuel({"fuel": 5}, used, python=False) == expected


def test_limits_in_python_are_written_as_python() -> None:
    """Sizes have no unit there."""
    written = with_memory({"start_fuel": 5}, 80 * 1024**2, python=True)
    assert written == "limits=Limits(start_fuel=5, memory=160 * 1024**2)"
