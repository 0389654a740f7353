"""The bundled policies, `<name>.wasm` beside this file, and how a module is found by name or path.

They are built from `rust/policies/<name>` by `nox -s policies`; `manifest.json` has their digests.
`<name>.symbols` has the names of their functions: WebAssembly with custom sections only.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from wasmgate.errors import ConfigError

__all__ = ["bundled", "is_path", "locate", "symbols"]

_HERE = Path(__file__).parent
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def bundled() -> tuple[str, ...]:
    """Return the names of the bundled policies, sorted."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.wasm")))


def is_path(module: str | Path) -> bool:
    """Return whether a text is a path, not the name of a bundled policy.

    A path contains "/" or ends in ".wasm".
    """
    return isinstance(module, Path) or "/" in module or module.endswith(".wasm")


def locate(module: str | Path) -> Path:
    """Return the file of a module.

    Raises ConfigError when there is no such file or no such bundled policy.
    """
    if not is_path(module):
        return _bundled(str(module))
    if isinstance(module, str) and (scheme := _SCHEME.match(module)):
        raise ConfigError(
            f"the module is a URL ({scheme[1]}), and modules are read from files",
            where="module",
            hint="download it, and name the file: ./own.wasm",
        )
    path = Path(module)
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:  # a name that is too long, or a folder without permission
        raise ConfigError(
            f"the module {path} cannot be looked for: {error.strerror}",
            where="module",
            hint="name a file that this user may read",
        ) from error
    if folder:
        raise ConfigError(
            f"the module {path} is a directory", where="module", hint="name a .wasm file in it"
        )
    if not there:
        raise ConfigError(
            f"there is no module {path}",
            where="module",
            hint=f"looked for {path.absolute()}; without '/' or '.wasm' it names a bundled policy",
        )
    return path


def symbols(module: str | Path) -> Path | None:
    """Return the file with the function names of a bundled policy; None for a path."""
    return None if is_path(module) else _HERE / f"{module}.symbols"


def _bundled(name: str) -> Path:
    names = bundled()
    if name in names:
        return _HERE / f"{name}.wasm"
    close = difflib.get_close_matches(name, names, n=1)
    guess = f" (did you mean {close[0]!r}?)" if close else ""
    raise ConfigError(
        f"no bundled policy is named {name!r}{guess}",
        where="module",
        hint=f"bundled are {', '.join(names)}; the path of a file has a '/' or ends in '.wasm'",
    )
