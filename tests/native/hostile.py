"""Guests written as text: those of `tests/wat` and `tests/guests`, and small ones of one test."""

from __future__ import annotations

from pathlib import Path

import wasmtime

WAT = Path(__file__).parent.parent / "wat"
GUESTS = Path(__file__).parent.parent / "guests"

ATTACK = [(b"x-attack", b"1")]
"""The hostile guests attack a request with a fifth field beside the four pseudo-headers."""


def wasm(text: str) -> bytes:
    """Convert WebAssembly text."""
    return bytes(wasmtime.wat2wasm(text))


def hostile(name: str) -> bytes:
    """Convert a guest of `tests/wat`."""
    return wasm((WAT / f"{name}.wat").read_text("utf-8"))


def written(name: str) -> bytes:
    """Convert a guest of `tests/guests`."""
    return wasm((GUESTS / f"{name}.wat").read_text("utf-8"))


def guest(*fields: str, abi: str = "0_2_1") -> bytes:
    """Make a guest of `fields`, imports first, with what every guest must export."""
    return wasm(
        "\n".join(
            [
                "(module",
                *fields,
                '(memory (export "memory") 1)',
                f'(func (export "proxy_abi_version_{abi}"))',
                '(func (export "proxy_on_memory_allocate") (param i32) (result i32)',
                "  (i32.const 32768)))",
            ]
        )
    )
