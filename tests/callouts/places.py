"""The three places where policies run, each with a policy that calls out, before one app."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.gateway.serving import serve
from tests.middleware.apps import echo
from tests.native.callout_guests import Texts, caller
from wasmgate import (
    CalloutLimits,
    Capabilities,
    Gateway,
    GatewayConfig,
    Policy,
    PolicyMiddleware,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from tests.gateway.scripted_upstream import Script

PLACES = ("middleware", "gateway", "direct", "run")
REQUEST, RESPONSE = "proxy_on_request_headers", "proxy_on_response_headers"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A policy and what it may reach."""

    module: Path
    clusters: Mapping[str, str]
    net: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    storage: str = "memory://"
    callouts: Mapping[str, Any] | None = None
    timeout: str | None = None  # of the route


async def answers(peer: Peer) -> None:
    """Script: the app behind the gateways."""
    while True:
        await peer.request()
        await peer.answer(b"the app")


async def welcomes(peer: Peer) -> None:
    """Script: the service that policies ask."""
    while True:
        await peer.request()
        await peer.answer(b"welcome", fields=b"x-user: ada\r\n")


def welcomes_after(released: asyncio.Event) -> Script:
    """Script: the service that policies ask answers one request once it may."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await released.wait()
        await peer.answer(b"welcome")

    return script


def asking(folder: Path, upstream: str, phase: str = REQUEST, **call: object) -> Path:
    """Write a policy that makes an HTTP call in a phase, waits, and logs the answer."""
    texts = Texts()
    body = texts.http_call(upstream=upstream.encode(), **call)  # type: ignore[arg-type]
    module = folder / "guest.wasm"
    module.write_bytes(caller(texts, phase, body))
    return module


@contextlib.asynccontextmanager
async def place(name: str, setting: Setting, folder: Path) -> AsyncIterator[int]:
    """Serve the policy in a place; gives the port."""
    async with contextlib.AsyncExitStack() as stack:
        if name == "middleware":
            yield await stack.enter_async_context(serve(middleware(setting), http="httptools"))
            return
        upstream = await stack.enter_async_context(ScriptedUpstream(answers))
        config = written(setting, upstream.url)
        if name == "run":
            port, _ = await stack.enter_async_context(running(config, folder))
            yield port
            return
        gateway = Gateway(GatewayConfig.model_validate(config))
        http = "httptools" if name == "gateway" else "direct"
        yield await stack.enter_async_context(serve(gateway, http=http))


def middleware(setting: Setting) -> PolicyMiddleware:
    """Put the policy around an app."""
    capabilities = Capabilities(net=setting.net, foreign_functions=setting.functions)
    return PolicyMiddleware(
        echo,
        policies=[Policy(setting.module, name="guest", capabilities=capabilities)],
        clusters=setting.clusters,
        limits_storage=setting.storage,
        callout_limits=CalloutLimits(**(setting.callouts or {})),
    )


def written(setting: Setting, app: str) -> dict[str, Any]:
    """Say the same in the words of gateway.yaml."""
    capabilities = {"net": list(setting.net), "foreign_functions": list(setting.functions)}
    clusters = {"site": app, **setting.clusters}
    time = {"timeout": setting.timeout} if setting.timeout else {}
    return {
        "policies": {"guest": {"module": str(setting.module), "capabilities": capabilities}},
        "clusters": {name: {"endpoints": [url]} for name, url in clusters.items()},
        "default_policies": ["guest"],
        "routes": [{"match": {"prefix": "/"}, "cluster": "site"} | time],
        "limits": {"storage": setting.storage},
        "callouts": dict(setting.callouts or {}),
    }


def told(name: str, folder: Path, said: Callable[[], list[str]]) -> str:
    """Return what the policy said, wherever it ran."""
    return (folder / "said").read_text() if name == "run" else "\n".join(said())


@contextlib.asynccontextmanager
async def running(
    config: dict[str, Any], folder: Path
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Run `wasmgate run` as a process; what it says goes to the file "said" of the folder."""
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(config))
    with (folder / "said").open("w") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wasmgate", "run", str(file), "--port", "0"),
            stderr=said,
            stdout=asyncio.subprocess.DEVNULL,
            env=os.environ | {"COLUMNS": "200"},
        )
    try:
        yield await _listens(process, folder / "said"), process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _listens(process: asyncio.subprocess.Process, said: Path) -> int:
    while process.returncode is None:
        if port := _port(said):
            return port
        await asyncio.sleep(0.05)
    raise AssertionError("it ended before it listened")


def _port(said: Path) -> int:
    found = re.search(r"listens on http://127\.0\.0\.1:(\d+) ", said.read_text("utf-8"))
    return int(found[1]) if found else 0
