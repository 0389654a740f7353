"""The limits of a policy with one of them raised, as a person writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["with_memory", "with_start_fuel"]

# What policies in Rust and those in Go need to start; the first is the default.
_START_FUEL = (200_000_000, 20_000_000_000)
_MOST_START_FUEL = 2**53
_LEAST_MEMORY = 64 * 1024**2
_MOST_MEMORY = 4 * 1024**3
_SIZES = {"memory", "body", "header_bytes", "log_bytes"}
_MIB = 1024**2


def with_start_fuel(limits: Mapping[str, float], used: int, *, python: bool) -> str:
    """Return the limits with the next `start_fuel` that is larger than the units `used`.

    `limits` are those that a person set; the others have their defaults. Returns "" when `used` is
    the most that may be written.
    """
    larger = next((fuel for fuel in _START_FUEL if fuel > used), used * 4)
    larger = min(larger, _MOST_START_FUEL)
    return _written({**limits, "start_fuel": larger}, python=python) if larger > used else ""


def with_memory(limits: Mapping[str, float], needed: int, *, python: bool) -> str:
    """Return the limits with a `memory` of twice the bytes `needed`, and 64 MiB or more.

    Returns "" when a WebAssembly memory cannot be larger.
    """
    if needed > _MOST_MEMORY:
        return ""
    size = min(max(_LEAST_MEMORY, 2 * (-(-needed // _MIB) * _MIB)), _MOST_MEMORY)
    return _written({**limits, "memory": size}, python=python)


def _written(limits: Mapping[str, float], *, python: bool) -> str:
    each = [(name, _value(name, value, python=python)) for name, value in limits.items()]
    if python:
        return f"limits=Limits({', '.join(f'{name}={text}' for name, text in each)})"
    return f"limits: {{ {', '.join(f'{name}: {text}' for name, text in each)} }}"


def _value(name: str, value: float, *, python: bool) -> str:
    if name in _SIZES and value % _MIB == 0:
        return f"{value // _MIB} * 1024**2" if python else f"{value // _MIB}MiB"
    return f"{value:_}" if isinstance(value, int) else repr(value)
