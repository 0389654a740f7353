"""Exports that a built module does without.

The public SDK exports every callback of the ABI, and a host calls what is exported: on each
request, for nothing. A policy's Cargo.toml names those it does something in,

    [package.metadata.wasmgate]
    callbacks = ["request_headers"]

and the others among `PER_REQUEST` are taken out of the module's export section (WebAssembly core
specification §5.5.10). Every host treats a missing callback as one that has nothing to say.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PER_REQUEST = (
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "done",
    "log",
)
_PREAMBLE = 8
_EXPORTS = 7
_LOW_BITS = 0x7F
_MORE = 0x80


def trimmed(module: bytes, crate: Path) -> bytes:
    """Return the module without the callbacks that its crate does not name, if it names any."""
    manifest = tomllib.loads((crate / "Cargo.toml").read_text("utf-8"))
    wanted = manifest["package"].get("metadata", {}).get("wasmgate", {}).get("callbacks")
    if wanted is None:
        return module
    unknown = set(wanted) - set(PER_REQUEST)
    if unknown:
        raise SystemExit(f"{crate.name}: no callback is named {', '.join(sorted(unknown))}")
    return without(module, {f"proxy_on_{name}" for name in PER_REQUEST if name not in wanted})


def without(module: bytes, names: set[str]) -> bytes:
    """Return the module with the exports of these names left out."""
    parts = [module[:_PREAMBLE]]
    for kind, content in _sections(module):
        kept = _kept(content, names) if kind == _EXPORTS else content
        parts.append(bytes([kind]) + _number(len(kept)) + kept)
    return b"".join(parts)


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    at = _PREAMBLE
    while at < len(module):
        size, start = _read(module, at + 1)
        yield module[at], module[start : start + size]
        at = start + size


def _kept(section: bytes, names: set[str]) -> bytes:
    count, at = _read(section, 0)
    kept = []
    for _ in range(count):
        length, start = _read(section, at)
        name = section[start : start + length].decode("utf-8")
        _, end = _read(section, start + length + 1)
        if name not in names:
            kept.append(section[at:end])
        at = end
    return _number(len(kept)) + b"".join(kept)


def _read(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _LOW_BITS) << shift
        shift += 7
        if not byte & _MORE:
            return value, at


def _number(value: int) -> bytes:
    encoded = bytearray()
    while value > _LOW_BITS:
        encoded.append(value & _LOW_BITS | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
