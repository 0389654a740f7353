"""Digests of what a bundled policy is built from.

That is: the files of its crate and of the workspace's crates that it uses (without their `tests`),
the versions and checksums that Cargo.lock fixes for everything else, and the build profile as far
as it is about these crates.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Package: TypeAlias = dict[str, Any]


def digests(workspace: Path, folder: str) -> dict[str, str]:
    """Return the digest of the sources of every guest in a folder of the workspace, by its name.

    A guest is a crate that builds a `cdylib`.
    """
    lock = _packages(tomllib.loads((workspace / "Cargo.lock").read_text("utf-8")))
    manifest = tomllib.loads((workspace / "Cargo.toml").read_text("utf-8"))
    crates = {path.parent.name: path.parent for path in workspace.glob("*/*/Cargo.toml")}
    return {
        name: _digest(lock, name, crates, manifest)
        for name, crate in sorted(crates.items())
        if crate.parent.name == folder and "cdylib" in (crate / "Cargo.toml").read_text("utf-8")
    }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(
    lock: dict[str, Package], name: str, crates: dict[str, Path], manifest: dict[str, Any]
) -> str:
    packages = sorted(_closure(lock, name), key=lambda one: (one["name"], one["version"]))
    profile = _profile(manifest, {package["name"] for package in packages})
    digest = hashlib.sha256(profile.encode())
    for package in packages:
        if "source" in package:
            line = f"{package['name']} {package['version']} {package['checksum']}\n"
            digest.update(line.encode())
            continue
        crate = crates[package["name"]]
        for path in _files(crate):
            line = f"{package['name']}/{path.relative_to(crate).as_posix()} {file_digest(path)}\n"
            digest.update(line.encode())
    return digest.hexdigest()


def _files(crate: Path) -> Iterator[Path]:
    yield crate / "Cargo.toml"
    yield from sorted(path for path in (crate / "src").rglob("*") if path.is_file())


def _profile(manifest: dict[str, Any], packages: set[str]) -> str:
    """Return how the workspace has packages compiled, in a form that does not vary.

    The profile `policy` inherits from `release`, and from its settings of single packages.
    """
    release, policy = (manifest["profile"][name] for name in ("release", "policy"))
    single = {
        name: settings
        for profile in (release, policy)
        for name, settings in profile.get("package", {}).items()
        if name in packages
    }
    wanted = {
        "profile": {**release, **policy, "package": single},
        "edition": manifest["workspace"]["package"]["edition"],
        "resolver": manifest["workspace"]["resolver"],
    }
    return json.dumps(wanted, sort_keys=True) + "\n"


def _packages(lock: dict[str, Any]) -> dict[str, Package]:
    """Return the locked packages under each text by which another one may name them."""
    found: dict[str, Package] = {}
    for package in lock["package"]:
        found[package["name"]] = package
        found[f"{package['name']} {package['version']}"] = package
    return found


def _closure(lock: dict[str, Package], name: str) -> list[Package]:
    found: dict[str, Package] = {}
    waiting = [name]
    while waiting:
        package = lock[waiting.pop()]
        key = f"{package['name']} {package['version']}"
        if key not in found:
            found[key] = package
            waiting.extend(package.get("dependencies", []))
    return list(found.values())
