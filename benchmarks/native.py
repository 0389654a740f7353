"""The gateways of others that are compiled: Go, Rust, nginx, haproxy."""

from __future__ import annotations

import os
import shutil
import string
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from launching import PEERS, Launch, Site, program
from tokens import AUDIENCE, ISSUER
from work import CLIENT_PREFIX, PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

_GO = ("./go_nethttp", "./go_fasthttp", "./load")
_RUST = PEERS / "rust_hyper"


def build_go(folder: Path) -> None:
    """Compile load generator, upstream and the Go gateways into `folder`.

    Raises RuntimeError when Go is not installed or does not compile them.
    """
    if shutil.which("go") is None:
        raise RuntimeError("go is not installed: clients and upstream are written in it")
    _run(["go", "build", "-trimpath", "-o", f"{folder}/", *_GO], PEERS)


def build_rust(folder: Path) -> None:
    """Compile the Rust gateway into `folder`; its crates are kept outside of the checkout.

    Raises RuntimeError when cargo does not compile it.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = Path(base) / "wasmgate" / "peers-target"
    _run(["cargo", "build", "--release", "--locked", "--target-dir", str(target)], _RUST)
    shutil.copy(target / "release" / "rust_hyper", folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{folder.name} does not compile:\n{done.stderr}")


def go(name: str, *, memory: int = 0) -> Callable[[Site], Launch]:
    """Return how to start one of the Go gateways, which take the same options."""
    return lambda site: _with_options(site, "-", name, memory)


def rust(*, memory: int = 0) -> Callable[[Site], Launch]:
    """Return how to start the Rust gateway."""
    return lambda site: _with_options(site, "--", "rust_hyper", memory)


def _with_options(site: Site, dash: str, name: str, memory: int) -> Launch:
    options = {"listen": f"127.0.0.1:{site.port}", "upstream": site.upstream}
    if site.public_pem:
        options |= {"key": site.write("key.pem", site.public_pem), "memory": str(memory)}
    words = [word for option, value in options.items() for word in (dash + option, value)]
    return Launch([str(site.programs / name), *words])


def nginx(site: Site) -> Launch:
    """Start nginx, which only forwards."""
    configuration = site.write("nginx.conf", _filled("nginx.conf", site))
    command = [program("nginx") or "nginx", "-p", str(site.folder), "-e", "stderr"]
    return Launch([*command, "-c", configuration])


def haproxy(site: Site) -> Launch:
    """Start haproxy, with its JWT converters if there is a key."""
    policies = ""
    if site.public_pem:
        policies = _filled("haproxy-policies.cfg", site, KEY=site.write("key.pem", site.public_pem))
    text = _filled("haproxy.cfg", site, POLICIES=policies)
    command = [program("haproxy") or "haproxy", "-db", "-q"]
    return Launch([*command, "-f", site.write("haproxy.cfg", text)])


def _filled(name: str, site: Site, **words: str) -> str:
    """Return a file of `peers` with what stands there as ${NAME}."""
    return string.Template((PEERS / name).read_text("utf-8")).safe_substitute(
        PORT=str(site.port),
        UPSTREAM=site.upstream,
        ISSUER=ISSUER,
        AUDIENCE=AUDIENCE,
        PREFIX=CLIENT_PREFIX,
        PER_SECOND=str(PER_SECOND),
        **words,
    )
