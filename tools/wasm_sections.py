"""The sections of a module (WebAssembly core specification §5.5.2), as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CUSTOM = 0
PREAMBLE = b"\0asm\1\0\0\0"
_LOW_BITS = 0x7F
_MORE = 0x80


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each section."""
    at = len(PREAMBLE)
    while at < len(module):
        size, start = read_number(module, at + 1)
        yield module[at], module[start : start + size]
        at = start + size


def section(kind: int, content: bytes) -> bytes:
    """Write a section, or a part of one that is written in the same way."""
    return bytes([kind]) + number(len(content)) + content


def named(content: bytes) -> tuple[str, bytes]:
    """Return the name of a custom section and what follows it."""
    length, start = read_number(content, 0)
    return content[start : start + length].decode("utf-8"), content[start + length :]


def name(text: str) -> bytes:
    """Write a name."""
    encoded = text.encode()
    return number(len(encoded)) + encoded


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _LOW_BITS) << shift
        shift += 7
        if not byte & _MORE:
            return value, at


def number(value: int) -> bytes:
    """Write an unsigned LEB128 number."""
    encoded = bytearray()
    while value > _LOW_BITS:
        encoded.append(value & _LOW_BITS | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
