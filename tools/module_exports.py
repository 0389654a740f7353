"""Exports that a built module does without.

The public SDK exports every callback of the ABI, and a host calls what is exported: on each
request, for nothing. What is not exported is not compiled either. A policy's Cargo.toml names those
that it does something in,

    [package.metadata.wasmgate]
    callbacks = ["request_headers"]

and the others of `CALLBACKS` are taken out of the module's export section (WebAssembly core
specification §5.5.10). Every host treats a missing callback as one that has nothing to say.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from wasm_sections import PREAMBLE, number, read_number, section, sections

if TYPE_CHECKING:
    from pathlib import Path

CALLBACKS = (
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "done",
    "log",
    "new_connection",
    "downstream_data",
    "upstream_data",
    "downstream_connection_close",
    "upstream_connection_close",
    "tick",
    "queue_ready",
    "http_call_response",
    "grpc_receive_initial_metadata",
    "grpc_receive",
    "grpc_receive_trailing_metadata",
    "grpc_close",
    "foreign_function",
)
_EXPORTS = 7


def trimmed(module: bytes, crate: Path) -> bytes:
    """Return the module without the callbacks that its crate does not name, if it names any."""
    manifest = tomllib.loads((crate / "Cargo.toml").read_text("utf-8"))
    wanted = manifest["package"].get("metadata", {}).get("wasmgate", {}).get("callbacks")
    if wanted is None:
        return module
    unknown = set(wanted) - set(CALLBACKS)
    if unknown:
        raise SystemExit(f"{crate.name}: no callback is named {', '.join(sorted(unknown))}")
    return without(module, {f"proxy_on_{name}" for name in CALLBACKS if name not in wanted})


def without(module: bytes, names: set[str]) -> bytes:
    """Return the module with the exports of these names left out."""
    parts = [PREAMBLE]
    for kind, content in sections(module):
        parts.append(section(kind, _kept(content, names) if kind == _EXPORTS else content))
    return b"".join(parts)


def _kept(exports: bytes, names: set[str]) -> bytes:
    count, at = read_number(exports, 0)
    kept = []
    for _ in range(count):
        length, start = read_number(exports, at)
        name = exports[start : start + length].decode("utf-8")
        _, end = read_number(exports, start + length + 1)
        if name not in names:
            kept.append(exports[at:end])
        at = end
    return number(len(kept)) + b"".join(kept)
