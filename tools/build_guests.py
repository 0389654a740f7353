"""Build modules that other people's SDKs and compilers make, unmodified, for the tests.

    python tools/build_guests.py sdk-0.1.4         the examples in crates.io's proxy-wasm 0.1.4
    python tools/build_guests.py sdk-0.2.0         those in 0.2.0
    python tools/build_guests.py go                examples/custom_policy_go
    python tools/build_guests.py assemblyscript    examples/custom_policy_assemblyscript
    python tools/build_guests.py stamp-rust        tests/guests/stamp/rust; likewise -go and
                                                   -assemblyscript

Prints the folder of the modules, under ~/.cache/wasmgate/guests: what was built once from the same
sources by the same tools is not built again. Exit codes: 0 done, 1 a build failed, 3 a tool is
missing (the reason is printed).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import module_exports
import policy_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
STAMP = ROOT / "tests" / "guests" / "stamp"
TOOL_MISSING = 3
GO = (1, 24)  # the first with go:wasmexport
NODE = (20,)  # AssemblyScript's own demand


class ToolMissingError(Exception):
    """What to install."""


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("guest", choices=GUESTS)
    guest = parser.parse_args().guest
    try:
        print(GUESTS[guest]())
    except ToolMissingError as missing:
        print(missing, file=sys.stderr)
        return TOOL_MISSING
    return 0


def sdk_examples(version: str) -> Path:
    """Build every example in the package of the Rust SDK."""
    toolchain = _rust()

    def build(out: Path) -> None:
        target = _cache() / "example-target"
        options = ["--release", f"--target={policy_toolchain.TARGET}", *toolchain.options]
        # Compilers of that version imported undefined functions; the SDK depends on it.
        flags = [*toolchain.flags, "-Clink-arg=--allow-undefined"]
        environment = {
            "CARGO_TARGET_DIR": str(target),
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        }
        package = _crate(toolchain, version)
        names = [path.stem for path in (package / "examples").glob("*.rs")]
        examples = [f"--example={name}" for name in names]
        toolchain.cargo_run(package, environment, "build", "--locked", *options, *examples)
        built = target / policy_toolchain.TARGET / "release" / "examples"
        for name in names:
            shutil.copyfile(built / f"{name}.wasm", out / f"{name}.wasm")

    return _built(f"sdk-{version}", toolchain.identity.encode(), build)


def _crate(toolchain: policy_toolchain.Toolchain, version: str) -> Path:
    """Return where cargo keeps the package that it downloaded."""
    with tempfile.TemporaryDirectory() as folder:
        dependency = f'[dependencies]\nproxy-wasm = "={version}"\n'
        package = '[package]\nname = "fetched"\nversion = "0.0.0"\nedition = "2021"\n'
        Path(folder, "Cargo.toml").write_text(package + dependency, "utf-8")
        Path(folder, "src").mkdir()
        Path(folder, "src", "lib.rs").touch()
        command = [str(toolchain.cargo), "metadata", "--format-version=1"]
        environment = {**os.environ, "RUSTC": str(toolchain.rustc)}
        told = subprocess.run(
            command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE
        )
    packages = json.loads(told.stdout)["packages"]
    manifest = next(p["manifest_path"] for p in packages if p["name"] == "proxy-wasm")
    return Path(manifest).parent


def rust(folder: Path, name: str) -> Path:
    """Build a crate as cargo does, and `NAME_trimmed`: without callbacks that it does not name."""
    toolchain = _rust()

    def build(out: Path) -> None:
        target = _cache() / "example-target"
        options = ["--release", f"--target={policy_toolchain.TARGET}", *toolchain.options]
        environment = {
            "CARGO_TARGET_DIR": str(target),
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(toolchain.flags),
        }
        toolchain.cargo_run(folder, environment, "build", "--locked", *options)
        module = (target / policy_toolchain.TARGET / "release" / f"{name}.wasm").read_bytes()
        (out / f"{name}.wasm").write_bytes(module)
        (out / f"{name}_trimmed.wasm").write_bytes(module_exports.trimmed(module, folder))

    return _built(f"{name}-rust", toolchain.identity.encode() + _digest(folder), build)


def _rust() -> policy_toolchain.Toolchain:
    try:
        return policy_toolchain.find()
    except SystemExit as missing:
        raise ToolMissingError(str(missing)) from None


def go(folder: Path, name: str) -> Path:
    """Build a module of Go as the example's README says."""
    version = _version("go", "version", GO, hint="a Go toolchain: https://go.dev/dl")

    def build(out: Path) -> None:
        environment = {**os.environ, "GOOS": "wasip1", "GOARCH": "wasm"}
        stripped = ["-trimpath", "-ldflags=-s -w", "-buildmode=c-shared"]
        command = ["go", "build", *stripped, "-o", str(out / f"{name}.wasm"), "."]
        subprocess.run(command, cwd=folder, env=environment, check=True)

    return _built(f"{name}-go", version + _digest(folder), build)


def assemblyscript(folder: Path, name: str) -> Path:
    """Build a module of AssemblyScript as the example's README says, in a copy."""
    version = _version("node", "--version", NODE, hint="Node.js with npm: https://nodejs.org")
    if shutil.which("npm") is None:
        raise ToolMissingError("npm is missing: https://nodejs.org")

    def build(out: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch, "policy")
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("node_modules", "build"))
            quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(["npm", "ci", *quiet], cwd=copy, check=True, stdout=sys.stderr)
            subprocess.run(["npm", "run", "build"], cwd=copy, check=True, stdout=sys.stderr)
            shutil.copyfile(copy / "build" / f"{name}.wasm", out / f"{name}.wasm")

    return _built(f"{name}-assemblyscript", version + _digest(folder), build)


GUESTS: dict[str, Callable[[], Path]] = {
    "sdk-0.1.4": lambda: sdk_examples("0.1.4"),
    "sdk-0.2.0": lambda: sdk_examples("0.2.0"),
    "go": lambda: go(EXAMPLES / "custom_policy_go", "plan_lookup"),
    "assemblyscript": lambda: assemblyscript(
        EXAMPLES / "custom_policy_assemblyscript", "plan_lookup"
    ),
    "stamp-rust": lambda: rust(STAMP / "rust", "stamp"),
    "stamp-go": lambda: go(STAMP / "go", "stamp"),
    "stamp-assemblyscript": lambda: assemblyscript(STAMP / "assemblyscript", "stamp"),
}


def _built(name: str, identity: bytes, build: Callable[[Path], None]) -> Path:
    """Return the folder of what `identity` decides, built now if it is not there."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + identity).hexdigest()[:16]
    folder = _cache() / "guests" / f"{name}-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{name}-new-"))
        try:
            build(fresh)
            # Whole or not at all, also when two processes build it at once.
            fresh.rename(folder)
        except OSError:
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _digest(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and inside[0] not in {"node_modules", "build", "target"}:
            digest.update("/".join(inside).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()


def _version(program: str, option: str, least: tuple[int, ...], *, hint: str) -> bytes:
    if shutil.which(program) is None:
        raise ToolMissingError(f"{program} is missing: install {hint}")
    told = subprocess.run([program, option], check=True, capture_output=True, text=True).stdout
    found = re.search(r"\d+(?:\.\d+)*", told)
    numbers = tuple(map(int, found[0].split("."))) if found else ()
    if numbers < least:
        wanted = ".".join(map(str, least))
        raise ToolMissingError(f"{told.strip()} is too old: {wanted} or later is needed ({hint})")
    return told.encode()


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wasmgate"


if __name__ == "__main__":
    sys.exit(main())
