"""What binaryen's `wasm-opt` does to a module behind the compiler: less code, less fuel.

The names of functions stay, for the file of symbols. The same version gives the same bytes, so it
is part of what a manifest says about the toolchain.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Similar functions, such as one generic function for two types, become one before the rest.
_OPTIONS = ("--merge-similar-functions", "-O3", "--converge")
# What rustc's target wasm32-wasip1 has on by default; binaryen refuses what is not named.
_FEATURES = (
    "bulk-memory",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
)
_HELP = "wasm-opt was not found; on Debian: apt-get install binaryen"


def identity() -> str:
    """Return what decides about the bytes: the version and the options.

    Raises SystemExit, with what to install, when there is no wasm-opt.
    """
    finished = subprocess.run([_program(), "--version"], check=True, capture_output=True, text=True)
    return " ".join((finished.stdout.strip(), *_OPTIONS))


def optimized(module: bytes) -> bytes:
    """Return the module made smaller and faster, with the names of its functions.

    Raises SystemExit when wasm-opt fails; it has said why.
    """
    features = [f"--enable-{feature}" for feature in _FEATURES]
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.wasm"), Path(folder, "after.wasm")
        before.write_bytes(module)
        command = [_program(), *_OPTIONS, "-g", *features, str(before), "-o", str(after)]
        if subprocess.run(command, check=False).returncode:
            sys.exit("wasm-opt failed")
        return after.read_bytes()


def _program() -> str:
    found = shutil.which("wasm-opt")
    if found is None:
        sys.exit(_HELP)
    return found
