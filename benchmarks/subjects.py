"""The gateways that are compared, and how ours and the Python ones are started."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import native
import on_envoy
from launching import (
    HERE,
    KNOWN,
    MEMORY,
    NEW,
    PEERS,
    PLAIN,
    Launch,
    Site,
    Subject,
    built,
    installed,
)
from work import gateway_configuration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _uvicorn(site: Site, factory: str, environment: dict[str, str], *options: str) -> Launch:
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(site.port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    command += ["--no-proxy-headers", "--log-level", "warning", *options]
    return Launch(command, environment)


def _gateway_yaml(site: Site, public_pem: str | None) -> str:
    text = gateway_configuration(public_pem, port=site.port, upstream=site.upstream)
    return site.write("gateway.yaml", text)


def _wasmgate(site: Site) -> Launch:
    configuration = _gateway_yaml(site, site.public_pem)
    # One thread, as every gateway here has one core.
    return Launch([sys.executable, "-m", "wasmgate", "run", configuration, "--threads", "1"])


def _wasmgate_asgi(site: Site) -> Launch:
    environment = {"WASMGATE_CONFIG": _gateway_yaml(site, site.public_pem)}
    return _uvicorn(site, "wasmgate.gateway:create_app", environment)


def _wasmgate_middleware(site: Site) -> Launch:
    key = site.write("key.pem", site.public_pem or "")
    environment = {"WASMGATE_CONFIG": _gateway_yaml(site, None), "KEY": key}
    return _uvicorn(site, "middleware_app:create_app", environment, "--app-dir", str(HERE))


def _fastapi_proxy_lib(site: Site) -> Launch:
    key = site.write("key.pem", site.public_pem) if site.public_pem else ""
    environment = {"UPSTREAM": site.upstream, "KEY": key, "PYTHONPATH": str(HERE)}
    return _uvicorn(
        site, "app:create_app", environment, "--app-dir", str(PEERS / "fastapi_proxy_lib")
    )


def _needs_module(name: str) -> Callable[[Path], str | None]:
    return lambda _: None if importlib.util.find_spec(name) else f"{name} is not installed"


def _with_memory(
    name: str, launch: Callable[[Site], Launch], missing: Callable[[Path], str | None]
) -> Subject:
    """Return a gateway that differs from another in remembering tokens: no question without one."""
    return Subject(name=f"{name}-memory", launch=launch, questions=(KNOWN, NEW), missing=missing)


_NETHTTP, _FASTHTTP, _HYPER = map(built, ("go_nethttp", "go_fasthttp", "rust_hyper"))

SUBJECTS = (
    Subject(name="wasmgate", launch=_wasmgate),
    Subject(name="wasmgate-asgi", launch=_wasmgate_asgi),
    Subject(name="wasmgate-middleware", launch=_wasmgate_middleware, questions=(KNOWN, NEW)),
    Subject(name="go-nethttp", launch=native.go("go_nethttp"), missing=_NETHTTP),
    _with_memory("go-nethttp", native.go("go_nethttp", memory=MEMORY), _NETHTTP),
    Subject(name="go-fasthttp", launch=native.go("go_fasthttp"), missing=_FASTHTTP),
    _with_memory("go-fasthttp", native.go("go_fasthttp", memory=MEMORY), _FASTHTTP),
    Subject(name="rust-hyper", launch=native.rust(), missing=_HYPER),
    _with_memory("rust-hyper", native.rust(memory=MEMORY), _HYPER),
    Subject(name="nginx", launch=native.nginx, questions=(PLAIN,), missing=installed("nginx")),
    Subject(name="haproxy", launch=native.haproxy, missing=installed("haproxy")),
    Subject(name="envoy-native", launch=on_envoy.native, missing=on_envoy.missing),
    _with_memory("envoy-native", on_envoy.native_memory, on_envoy.missing),
    Subject(
        name="envoy-wasm", launch=on_envoy.wasm, questions=(KNOWN, NEW), missing=on_envoy.missing
    ),
    Subject(
        name="fastapi-proxy-lib",
        launch=_fastapi_proxy_lib,
        missing=_needs_module("fastapi_proxy_lib"),
    ),
)


def missing(programs: Path) -> dict[str, str]:
    """Return what is not there, by subject."""
    reasons = {subject.name: subject.missing(programs) for subject in SUBJECTS}
    return {name: reason for name, reason in reasons.items() if reason}
