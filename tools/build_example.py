"""Build a policy's crate to WebAssembly with the compiler that this machine has.

    python tools/build_example.py examples/custom_policy_rust [--out FOLDER]

writes api_version.wasm, named after the crate, into its folder or into FOLDER. The crate has a
profile `policy`, as the guide "Your first policy" shows it. Compiled crates are kept in
~/.cache/wasmgate/example-target, so that only the first build takes long. Exit codes: 0 done, 1 no
compiler for wasm32-wasip1 or a build that failed; the reason is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import policy_toolchain


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crate", type=Path, help="the folder with the policy's Cargo.toml")
    parser.add_argument("--out", type=Path, help="where the module goes; by default the crate")
    arguments = parser.parse_args()
    crate: Path = arguments.crate.resolve()
    package, module = _names(crate)
    toolchain = policy_toolchain.find()
    if not (crate / "Cargo.lock").exists():
        toolchain.cargo_run(crate, {}, "generate-lockfile")
    built = toolchain.build(crate, [package], _build_cache() / "example-target")
    file = built[package].with_name(f"{module}.wasm")
    print(shutil.copyfile(file, (arguments.out or arguments.crate) / file.name))
    return 0


def _names(crate: Path) -> tuple[str, str]:
    """Return the name of the package and the one of its library's file."""
    try:
        manifest = tomllib.loads((crate / "Cargo.toml").read_text("utf-8"))
        package: str = manifest["package"]["name"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise SystemExit(f"{crate} is not a crate: Cargo.toml: {error!r}") from error
    if policy_toolchain.PROFILE not in manifest.get("profile", {}):
        raise SystemExit(
            f"{crate / 'Cargo.toml'} has no [profile.policy]: copy it from"
            " docs/guides/first_policy.md"
        )
    library: str = manifest.get("lib", {}).get("name", package)
    return package, library.replace("-", "_")


def _build_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wasmgate"


if __name__ == "__main__":
    sys.exit(main())
