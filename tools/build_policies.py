"""Build the bundled policies to WebAssembly, so that the same sources give the same bytes.

    python tools/build_policies.py             build into src/wasmgate/modules, write manifest.json
    python tools/build_policies.py --check     build elsewhere and compare with the tree
    python tools/build_policies.py --sources   print the digests of the sources, compile nothing

With --fixtures: the guests of the tests, from rust/fixtures into tests/fixtures.

Exit codes: 0 done, or equal byte for byte; 1 a build failed or a module differs; 3 cannot compare:
the modules in the tree were built by another toolchain (it is printed).

rustup's target `wasm32-wasip1` is taken if it is installed, else Debian's packages rustc-web,
cargo-web, rust-web-src and wasi-libc. Only the standard library of Python 3.11 is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import module_exports
import policy_sources
import policy_toolchain

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "policies": ROOT / "src" / "wasmgate" / "modules",
    "fixtures": ROOT / "tests" / "fixtures",
}
"""Where the modules of each folder of the workspace are kept, each with a manifest."""
MANIFEST = "manifest.json"
DIFFERENT = 1
NOT_COMPARABLE = 3


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with the tree, write nothing")
    mode.add_argument("--sources", action="store_true", help="print the digests of the sources")
    parser.add_argument("--fixtures", action="store_true", help="the guests of the tests instead")
    arguments = parser.parse_args()
    folder = "fixtures" if arguments.fixtures else "policies"
    if arguments.sources:
        print(json.dumps(policy_sources.digests(ROOT / "rust", folder), indent=2))
        return 0
    toolchain = policy_toolchain.find()
    return check(toolchain, folder) if arguments.check else build(toolchain, folder)


def build(toolchain: policy_toolchain.Toolchain, folder: str) -> int:
    """Build every crate of the folder into the tree and write the manifest."""
    sources = policy_sources.digests(ROOT / "rust", folder)
    modules = {}
    with tempfile.TemporaryDirectory() as out:
        for name, module in compiled(toolchain, folder, sorted(sources), Path(out)).items():
            path = MODULES[folder] / f"{name}.wasm"
            path.write_bytes(module)
            digest = policy_sources.file_digest(path)
            modules[name] = {"sha256": digest, "sources": sources[name]}
            print(f"{path.name}: {len(module):,} bytes, sha256 {digest}")
    manifest = {"toolchain": toolchain.identity, "modules": modules}
    text = json.dumps(manifest, indent=2) + "\n"
    (MODULES[folder] / MANIFEST).write_text(text, encoding="utf-8")
    return 0


def compiled(
    toolchain: policy_toolchain.Toolchain, folder: str, names: list[str], out: Path
) -> dict[str, bytes]:
    """Compile the named crates of the folder under `out` and return the modules as they ship."""
    rust = ROOT / "rust"
    return {
        name: module_exports.trimmed(path.read_bytes(), rust / folder / name)
        for name, path in toolchain.build(rust, names, out).items()
    }


def check(toolchain: policy_toolchain.Toolchain, folder: str) -> int:
    """Build every crate of the folder elsewhere and compare it with the module in the tree."""
    manifest = json.loads((MODULES[folder] / MANIFEST).read_text("utf-8"))
    if toolchain.identity != manifest["toolchain"]:
        print(f"not comparable: the modules were built by\n  {manifest['toolchain']}")
        print(f"and this machine has\n  {toolchain.identity}")
        return NOT_COMPARABLE
    different = []
    with tempfile.TemporaryDirectory() as out:
        built = compiled(toolchain, folder, sorted(manifest["modules"]), Path(out))
        for name, module in built.items():
            equal = module == (MODULES[folder] / f"{name}.wasm").read_bytes()
            print(f"{name}.wasm: {'equal' if equal else 'DIFFERENT'}")
            if not equal:
                different.append(name)
    return DIFFERENT if different else 0


if __name__ == "__main__":
    sys.exit(main())
