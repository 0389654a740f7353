"""Build examples/custom_policy_rust to WebAssembly with the compiler that this machine has.

    python tools/build_example.py FOLDER    write FOLDER/api_version.wasm

Compiled crates are kept in ~/.cache/wasmgate/example-target, so that only the first build takes
long. Exit codes: 0 done, 1 no compiler for wasm32-wasip1 or a build that failed; the reason is
printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import policy_toolchain

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "custom_policy_rust"
NAME = "api_version"


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the module goes")
    folder: Path = parser.parse_args().folder
    target = _build_cache() / "example-target"
    built = policy_toolchain.find().build(EXAMPLE, [NAME], target)
    print(shutil.copyfile(built[NAME], folder / f"{NAME}.wasm"))
    return 0


def _build_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wasmgate"


if __name__ == "__main__":
    sys.exit(main())
