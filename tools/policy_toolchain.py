"""The compiler that builds the bundled policies, found on this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

TARGET = "wasm32-wasip1"
PROFILE = "policy"
# No path of the machine may reach a module: panics would carry it, no two builds would be equal.
SOURCE = "/rust"
REGISTRY = "/cargo"
CHECKOUT = "/wasmgate"

_DEBIAN_RUSTC = Path("/usr/bin/rustc")
_DEBIAN_CARGO = Path("/usr/bin/cargo")
_DEBIAN_LIBC = Path("/usr/lib/wasm32-wasi")
_STANDARD_LIBRARY = ("lib", "rustlib", "src", "rust")
_BUILD_STD = "-Zbuild-std=std,panic_abort"
# Its sorts and conversions in their small forms. What runs on a request uses few of them.
_SMALL_STD = ("-Zbuild-std-features=optimize_for_size",)
_WITHOUT_MESSAGES = (
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
)
_HELP = """no compiler for wasm32-wasip1 was found. Either
  rustup target add wasm32-wasip1
or, where rustup's targets cannot be downloaded, on Debian
  apt-get install rustc-web cargo-web rust-web-src wasi-libc lld binaryen"""


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A compiler with everything it is called with."""

    identity: str
    """What decides about the bytes: versions and options, without any path of the machine."""

    cargo: Path
    rustc: Path
    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    without_messages: tuple[str, ...] = ()
    """Flags that leave out what panics say, which takes a large part of a module. Only a compiler
    that builds the standard library takes them. The host's back-trace names the function."""
    small_std: tuple[str, ...] = ()
    """Options of cargo that make the standard library smaller, where it is built."""
    environment: dict[str, str] = field(default_factory=dict)

    def for_policies(self) -> Toolchain:
        """Return the toolchain with what makes a policy smaller and no other guest needs."""
        added = (*self.without_messages, *self.small_std)
        return replace(
            self,
            identity="; ".join(part for part in (self.identity, " ".join(added)) if part),
            options=(*self.options, *self.small_std),
            flags=(*self.flags, *self.without_messages),
        )

    def build(self, workspace: Path, names: list[str], out: Path, *flags: str) -> dict[str, Path]:
        """Compile the named policies in a new folder under `out` and return their modules.

        Raises SystemExit when cargo fails; it has said why.
        """
        # Fetched first, so that the registry's folder is there to be mapped.
        self.cargo_run(workspace, {}, "fetch", "--locked")
        environment = {
            "CARGO_TARGET_DIR": str(out),
            # Separated by 0x1f, so that a path may have a space in it.
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(
                [*self.flags, *flags, *self._remapped(workspace)]
            ),
        }
        crates = [f"--package={name}" for name in names]
        options = [f"--profile={PROFILE}", f"--target={TARGET}", *self.options]
        self.cargo_run(workspace, environment, "build", "--locked", *options, *crates)
        built = out / TARGET / PROFILE
        return {name: built / f"{name}.wasm" for name in names}

    def cargo_run(self, workspace: Path, variables: dict[str, str], *command: str) -> None:
        """Run cargo in a folder with more environment variables.

        Raises SystemExit when it fails; it has said why.
        """
        environment = {**os.environ, **self.environment, "RUSTC": str(self.rustc), **variables}
        program = [str(self.cargo), *command]
        if subprocess.run(program, cwd=workspace, env=environment, check=False).returncode:
            raise SystemExit(f"cargo {command[0]} failed")

    def _remapped(self, workspace: Path) -> list[str]:
        """Map every folder that sources lie in, of which the registry's has a name of its own."""
        standard_library = Path(_output(self.rustc, "--print", "sysroot"), *_STANDARD_LIBRARY)
        registries = sorted((_cargo_home() / "registry" / "src").glob("*"))
        folders = [(folder, REGISTRY) for folder in registries]
        folders += [(standard_library, SOURCE), (workspace.parent, CHECKOUT)]
        return [f"--remap-path-prefix={folder}={name}" for folder, name in folders]


def find() -> Toolchain:
    """Return rustup's compiler if it has the target, else Debian's.

    Raises SystemExit, with what to install, when there is neither.
    """
    rustc, cargo = shutil.which("rustc"), shutil.which("cargo")
    if rustc and cargo and _has_target(Path(rustc)):
        identity = f"{_version(Path(rustc))}; std of that release"
        return Toolchain(identity=identity, cargo=Path(cargo), rustc=Path(rustc))
    if not all(path.exists() for path in (_DEBIAN_RUSTC, _DEBIAN_CARGO, _DEBIAN_LIBC)):
        raise SystemExit(_HELP)
    linker = _linker(rustc)
    libc = hashlib.sha256((_DEBIAN_LIBC / "libc.a").read_bytes()).hexdigest()[:16]
    identity = f"{_version(_DEBIAN_RUSTC)}; {_BUILD_STD}; {_lld_version(linker)}; libc.a {libc}"
    return Toolchain(
        identity=identity,
        cargo=_DEBIAN_CARGO,
        rustc=_DEBIAN_RUSTC,
        options=(_BUILD_STD,),
        flags=(
            "-Clink-self-contained=no",
            f"-Lnative={_DEBIAN_LIBC}",
            f"-Clinker={linker}",
            "-Clinker-flavor=wasm-ld",
        ),
        without_messages=_WITHOUT_MESSAGES,
        small_std=_SMALL_STD,
        # Building the standard library is an unstable feature of cargo.
        environment={"RUSTC_BOOTSTRAP": "1"},
    )


def _linker(rustc: str | None) -> Path:
    """Find LLVM's linker: that of a rustup toolchain, or Debian's."""
    if rustc and Path(rustc) != _DEBIAN_RUSTC:
        sysroot = Path(_output(Path(rustc), "--print", "sysroot"))
        found = sorted(sysroot.glob("lib/rustlib/*/bin/rust-lld"))
        if found:
            return found[0]
    found_in_path = shutil.which("wasm-ld")
    if found_in_path is None:
        raise SystemExit(_HELP)
    return Path(found_in_path)


def _has_target(rustc: Path) -> bool:
    sysroot = Path(_output(rustc, "--print", "sysroot"))
    return any((sysroot / "lib" / "rustlib" / TARGET / "lib").glob("libstd-*.rlib"))


def _version(rustc: Path) -> str:
    return _output(rustc, "--version")


def _lld_version(linker: Path) -> str:
    flavor = ("-flavor", "wasm") if linker.name == "rust-lld" else ()
    return _output(linker, *flavor, "--version").split(" (", 1)[0]


def _cargo_home() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def _output(program: Path, *arguments: str) -> str:
    try:
        command = [str(program), *arguments]
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{program} cannot be run: {error}")
    return finished.stdout.strip()
