"""The gateways that are compared, and how each is started."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from work import gateway_configuration

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PEERS = HERE / "peers"
MEMORY = "4096"  # tokens, as many as jwt_auth remembers

PLAIN, KNOWN, NEW = "gateway.plain", "gateway.known", "gateway.new"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a gateway is to run, and what it is to do."""

    port: int
    upstream: str
    folder: Path
    programs: Path
    public_pem: str | None
    """The issuer's key; without one the gateway only forwards."""

    def write(self, name: str, text: str) -> str:
        """Write a file for the gateway and return its path."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)


@dataclass(frozen=True)
class Launch:
    """What to start."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A gateway that can be measured."""

    name: str
    questions: tuple[str, ...]
    launch: Callable[[Site], Launch]
    missing: Callable[[], str | None] = lambda: None
    """Says what is not installed, if anything."""


def _uvicorn(site: Site, factory: str, environment: dict[str, str], *options: str) -> Launch:
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(site.port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    command += ["--no-proxy-headers", "--log-level", "warning", *options]
    return Launch(command, environment)


def _gateway_yaml(site: Site) -> str:
    text = gateway_configuration(site.public_pem, port=site.port, upstream=site.upstream)
    return site.write("gateway.yaml", text)


def _wasmgate(site: Site) -> Launch:
    return Launch([sys.executable, "-m", "wasmgate", "run", _gateway_yaml(site)])


def _wasmgate_asgi(site: Site) -> Launch:
    environment = {"WASMGATE_CONFIG": _gateway_yaml(site)}
    return _uvicorn(site, "wasmgate.gateway:create_app", environment)


def _fastapi_proxy_lib(site: Site) -> Launch:
    key = site.write("key.pem", site.public_pem) if site.public_pem else ""
    environment = {"UPSTREAM": site.upstream, "KEY": key, "PYTHONPATH": str(HERE)}
    return _uvicorn(
        site, "app:create_app", environment, "--app-dir", str(PEERS / "fastapi_proxy_lib")
    )


def _go_nethttp(site: Site) -> Launch:
    command = [str(site.programs / "go_nethttp"), "-listen", f"127.0.0.1:{site.port}"]
    command += ["-upstream", site.upstream]
    if site.public_pem:
        command += ["-key", site.write("key.pem", site.public_pem)]
    return Launch(command)


def _go_nethttp_memory(site: Site) -> Launch:
    return Launch([*_go_nethttp(site).command, "-memory", MEMORY])


def _nginx(site: Site) -> Launch:
    text = (PEERS / "nginx.conf").read_text("utf-8")
    text = text.replace("PORT", str(site.port)).replace("UPSTREAM", site.upstream)
    configuration = site.write("nginx.conf", text)
    return Launch(["nginx", "-p", str(site.folder), "-e", "stderr", "-c", configuration])


def _needs_program(name: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) else f"{name} is not installed"


def _needs_module(name: str) -> Callable[[], str | None]:
    return lambda: None if importlib.util.find_spec(name) else f"{name} is not installed"


SUBJECTS = (
    Subject(name="wasmgate", questions=(PLAIN, KNOWN, NEW), launch=_wasmgate),
    Subject(name="wasmgate-asgi", questions=(PLAIN, KNOWN, NEW), launch=_wasmgate_asgi),
    Subject(name="go-nethttp", questions=(PLAIN, KNOWN, NEW), launch=_go_nethttp),
    Subject(name="go-nethttp-memory", questions=(KNOWN, NEW), launch=_go_nethttp_memory),
    Subject(name="nginx", questions=(PLAIN,), launch=_nginx, missing=_needs_program("nginx")),
    Subject(
        name="fastapi-proxy-lib",
        questions=(PLAIN, KNOWN, NEW),
        launch=_fastapi_proxy_lib,
        missing=_needs_module("fastapi_proxy_lib"),
    ),
)
