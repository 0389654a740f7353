"""The names of a module's functions, in a file of their own.

What ships has no custom sections: a policy would be a fifth larger. The host looks the names up
when a policy crashed. Their file is WebAssembly with two custom sections: `name` (core
specification §7.4.1), and `wasmgate.module`, the SHA-256 of the module that it belongs to, in hex.
"""

from __future__ import annotations

import hashlib

from wasm_sections import CUSTOM, PREAMBLE, name, named, section, sections

NAMED = "-Cstrip=debuginfo"
"""Makes the compiler leave names in. A profile that does not strip would change the code, too."""

_NAMES = "name"
_MODULE = "wasmgate.module"
_FUNCTIONS = 1


def apart(module: bytes) -> tuple[bytes, bytes]:
    """Return the module without its custom sections, and its symbols.

    Raises SystemExit when it has no names.
    """
    bare, functions = [PREAMBLE], b""
    for kind, content in sections(module):
        if kind != CUSTOM:
            bare.append(section(kind, content))
        elif named(content)[0] == _NAMES:
            # Its parts are written as sections are.
            parts = dict(sections(PREAMBLE + named(content)[1]))
            functions = section(_FUNCTIONS, parts[_FUNCTIONS])
    if not functions:
        raise SystemExit("the linker left no names")
    stripped = b"".join(bare)
    digest = hashlib.sha256(stripped).hexdigest().encode()
    belongs = section(CUSTOM, name(_MODULE) + digest)
    return stripped, PREAMBLE + belongs + section(CUSTOM, name(_NAMES) + functions)
