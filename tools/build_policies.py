"""Build the bundled policies to WebAssembly, so that the same sources give the same bytes.

    python tools/build_policies.py             build into src/wasmgate/modules, write manifest.json
    python tools/build_policies.py --check     build elsewhere and compare with the tree
    python tools/build_policies.py --sources   print the digests of the sources, compile nothing

With --fixtures: the guests of the tests, from rust/fixtures into tests/fixtures. They have no
symbols, the names of the functions in a file of their own, which policies have; and they are not
made smaller, neither by flags that leave out what panics say nor by wasm-opt.

Exit codes: 0 done, or equal byte for byte; 1 a build failed or a module differs; 3 cannot compare:
the modules in the tree were built by another toolchain (it is printed).

rustup's target `wasm32-wasip1` is taken if it is installed, else Debian's packages rustc-web,
cargo-web, rust-web-src and wasi-libc; and for policies `wasm-opt` of its package binaryen.
Only the standard library of Python 3.11 is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import module_exports
import module_optimizer
import module_symbols
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
    if folder == "policies":
        toolchain = toolchain.for_policies()
    return check(toolchain, folder) if arguments.check else build(toolchain, folder)


def build(toolchain: policy_toolchain.Toolchain, folder: str) -> int:
    """Build every crate of the folder into the tree and write the manifest."""
    sources = policy_sources.digests(ROOT / "rust", folder)
    modules = {}
    with tempfile.TemporaryDirectory() as out:
        built = compiled(toolchain, folder, sorted(sources), Path(out))
    for name, files in built.items():
        digests = {}
        for suffix, content in files.items():
            path = MODULES[folder] / f"{name}.{suffix}"
            path.write_bytes(content)
            digests[suffix] = policy_sources.file_digest(path)
            print(f"{path.name}: {len(content):,} bytes, sha256 {digests[suffix]}")
        modules[name] = {"sha256": digests.pop("wasm"), **digests, "sources": sources[name]}
    manifest = {"toolchain": identity(toolchain, folder), "modules": modules}
    text = json.dumps(manifest, indent=2) + "\n"
    (MODULES[folder] / MANIFEST).write_text(text, encoding="utf-8")
    return 0


def compiled(
    toolchain: policy_toolchain.Toolchain, folder: str, names: list[str], out: Path
) -> dict[str, dict[str, bytes]]:
    """Compile the named crates of the folder under `out` and return the files that ship."""
    rust = ROOT / "rust"
    is_policy = folder == "policies"
    built = {}
    for name, path in toolchain.build(rust, names, out, module_symbols.NAMED).items():
        module = module_exports.trimmed(path.read_bytes(), rust / folder / name)
        if is_policy:
            module = module_optimizer.optimized(module)
        module, symbols = module_symbols.apart(module)
        built[name] = {"wasm": module, "symbols": symbols} if is_policy else {"wasm": module}
    return built


def identity(toolchain: policy_toolchain.Toolchain, folder: str) -> str:
    """Return what decides about the bytes of a folder's modules, beside their sources."""
    if folder != "policies":
        return toolchain.identity
    return f"{toolchain.identity}; {module_optimizer.identity()}"


def check(toolchain: policy_toolchain.Toolchain, folder: str) -> int:
    """Build every crate of the folder elsewhere and compare it with what is in the tree."""
    manifest = json.loads((MODULES[folder] / MANIFEST).read_text("utf-8"))
    found = identity(toolchain, folder)
    if found != manifest["toolchain"]:
        print(f"not comparable: the modules were built by\n  {manifest['toolchain']}")
        print(f"and this machine has\n  {found}")
        return NOT_COMPARABLE
    different = []
    with tempfile.TemporaryDirectory() as out:
        built = compiled(toolchain, folder, sorted(manifest["modules"]), Path(out))
    for name, files in built.items():
        for suffix, content in files.items():
            path = MODULES[folder] / f"{name}.{suffix}"
            equal = content == path.read_bytes()
            print(f"{path.name}: {'equal' if equal else 'DIFFERENT'}")
            if not equal:
                different.append(path.name)
    return DIFFERENT if different else 0


if __name__ == "__main__":
    sys.exit(main())
