"""Encodes a WebAssembly module, with the parts of the binary format that a probe needs.

Source: WebAssembly Core Specification 2.0, chapter 5 (binary format).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["I32", "I64", "Function", "Import", "encode", "signed", "unsigned"]

I32, I64 = 0x7F, 0x7E
_TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT, _CODE, _DATA = 1, 2, 3, 5, 6, 7, 10, 11
_I32_CONST, _END = 0x41, 0x0B
_PAGES = 2

Signature: TypeAlias = "tuple[tuple[int, ...], tuple[int, ...]]"
"""Types of parameters, types of results."""


@dataclass(frozen=True)
class Import:
    """An imported function."""

    module: str
    name: str
    signature: Signature


@dataclass(frozen=True)
class Function:
    """An exported function: its name, the number of i32 locals, and its code."""

    name: str
    signature: Signature
    code: bytes
    locals: int = 0


def unsigned(number: int) -> bytes:
    """Encode a number as LEB128."""
    encoded = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        encoded.append(low | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


def signed(number: int) -> bytes:
    """Encode a number as signed LEB128, as in constants."""
    encoded = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        done = number == (-1 if low & 0x40 else 0)
        encoded.append(low | (0 if done else 0x80))
        if done:
            return bytes(encoded)


def encode(
    imports: Sequence[Import], functions: Sequence[Function], *, heap: int, data: bytes
) -> bytes:
    """Return a module with one memory, which begins with `data`, and one global, its `heap`."""
    known = [one.signature for one in imports] + [one.signature for one in functions]
    kinds = list(dict.fromkeys(known))
    sections = {
        _TYPE: [
            b"\x60" + _vector([bytes([t]) for t in takes]) + _vector([bytes([t]) for t in gives])
            for takes, gives in kinds
        ],
        _IMPORT: [
            _text(one.module) + _text(one.name) + b"\0" + unsigned(kinds.index(one.signature))
            for one in imports
        ],
        _FUNCTION: [unsigned(kinds.index(one.signature)) for one in functions],
        _MEMORY: [b"\0" + unsigned(_PAGES)],
        _GLOBAL: [bytes([I32, 1]) + _offset(heap)],
        _EXPORT: [
            _text("memory") + b"\x02\0",
            *(
                _text(one.name) + b"\0" + unsigned(len(imports) + at)
                for at, one in enumerate(functions)
            ),
        ],
        _CODE: [_sized(_locals(one) + one.code + bytes([_END])) for one in functions],
        _DATA: [b"\0" + _offset(0) + _sized(data)],
    }
    parts = (bytes([number]) + _sized(_vector(items)) for number, items in sections.items())
    return b"\0asm\1\0\0\0" + b"".join(parts)


def _vector(items: Sequence[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def _sized(content: bytes) -> bytes:
    return unsigned(len(content)) + content


def _text(name: str) -> bytes:
    return _sized(name.encode())


def _offset(number: int) -> bytes:
    return bytes([_I32_CONST]) + signed(number) + bytes([_END])


def _locals(function: Function) -> bytes:
    if not function.locals:
        return _vector([])
    return _vector([unsigned(function.locals) + bytes([I32])])
