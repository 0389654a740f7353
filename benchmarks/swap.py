"""How long a policy takes to change, and a gateway to start.

A swap is measured as an operator sees it: gateway.yaml names a module with other bytes, `reload()`
is called, and the clock stops at the first response of the new generation. A module that is not in
the cache differs from a bundled policy in a custom section.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from processes import free_port
from results import Result, summary
from work import chain, gateway_configuration

from wasmgate._native import compile_artifact
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from wasmgate import Policy

_TAGS = count()
_REQUEST = b"GET /v1/orders/42 HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\r\n"
_SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "path": "/orders/42",
    "raw_path": b"/orders/42",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"api.example")],
    "client": ("127.0.0.1", 50_000),
    "server": ("127.0.0.1", 8080),
}


def optimize(policies: list[Policy], cache: str) -> None:
    """Put the optimised code of policies into a cache, so that nothing is compiled afterwards."""
    for policy in policies:
        compile_artifact(policy.read(), cache=cache, tier="optimized")


def new(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure swaps to modules never seen, for each policy."""
    return _swaps("swap.new", public_pem, rounds, progress)


def cached(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure swaps to modules whose optimised code is in the cache, for each policy."""
    return _swaps("swap.cached", public_pem, rounds, progress)


def _swaps(question: str, public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    results = []
    for policy in chain(public_pem):
        task = progress.add_task(f"{question} {policy.name}", total=rounds)
        samples = []
        with _cache() as folder:
            gateway = Swapping(folder, policy)
            for number in range(-1, rounds):  # the first one finds what Python imports late
                sample = asyncio.run(gateway.swap(seen=question == "swap.cached"))
                if number >= 0:
                    samples.append(sample)
                    progress.update(task, advance=1, refresh=True)
        size = len(policy.read())
        about = {"policy": policy.name, "module_bytes": size}
        results.append(summary(question, "wasmgate", "time", samples, **about))
    return results


@contextmanager
def _cache() -> Iterator[Path]:
    """Give a folder whose `artifacts` gateways of this process use as their cache."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("WASMGATE_CACHE")
        os.environ["WASMGATE_CACHE"] = f"{folder}/artifacts"
        try:
            yield Path(folder)
        finally:
            del os.environ["WASMGATE_CACHE"]
            if before is not None:
                os.environ["WASMGATE_CACHE"] = before


class Swapping:
    """A gateway with one policy, whose module changes."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self._folder = folder
        self._bytes = policy.read()
        self._policy = {"configuration": policy.configuration}
        self._write()
        transports = {"upstream": httpx.MockTransport(lambda _: httpx.Response(200))}
        self._gateway = Gateway.from_file(folder / "gateway.yaml", transports=transports)

    def _write(self) -> bytes:
        """Write a module that is not in the cache, and the gateway.yaml that names it."""
        tag = next(_TAGS).to_bytes(8, "little")
        module = self._bytes + bytes([0, 10, 1]) + b"n" + tag
        path = self._folder / "policy.wasm"
        path.write_bytes(module)
        settings = {
            "policies": {"policy": {"module": str(path), **self._policy}},
            "clusters": {"upstream": {"endpoints": ["http://upstream"]}},
            "routes": [{"match": {"prefix": "/"}, "policies": ["policy"], "cluster": "upstream"}],
        }
        (self._folder / "gateway.yaml").write_text(json.dumps(settings), "utf-8")
        return module

    async def swap(self, *, seen: bool) -> float:
        """Return the microseconds from the call of `reload()` to the first answer after it."""
        module = self._write()
        cache = os.environ["WASMGATE_CACHE"]
        if seen:
            compile_artifact(module, cache=cache, tier="optimized")
        await self._ask()
        start = time.perf_counter()
        await self._gateway.reload()
        await self._ask()
        taken = (time.perf_counter() - start) * 1e6
        # Wait for what goes on in the background, which is not to disturb the next round.
        compile_artifact(module, cache=cache, tier="optimized")
        return taken

    async def _ask(self) -> None:
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:  # noqa: ANN401 (an ASGI message)
            messages.append(message)

        await self._gateway(_SCOPE, receive, send)
        status = messages[0]["status"]
        if status not in {200, 401}:  # jwt_auth sees no token
            raise RuntimeError(f"the gateway answered {status}")


def start(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure `wasmgate run`, from its start to the first answer, with three cached policies."""
    task = progress.add_task("start", total=rounds)
    samples = []
    with _cache() as folder:
        optimize(chain(public_pem), os.environ["WASMGATE_CACHE"])
        for number in range(-1, rounds):  # the first one writes the bytecode of Python's modules
            sample = _start(folder / "gateway.yaml", public_pem)
            if number >= 0:
                samples.append(sample)
                progress.update(task, advance=1, refresh=True)
    return [summary("start", "wasmgate", "time", samples, policies=len(chain(public_pem)))]


def _start(path: Path, public_pem: str) -> float:
    port = free_port()
    path.write_text(gateway_configuration(public_pem, port=port, upstream="127.0.0.1:1"), "utf-8")
    begun = time.perf_counter()
    command = [sys.executable, "-m", "wasmgate", "run", str(path), "--log-level", "warning"]
    # An installed package has its bytecode.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(_REQUEST)
                    if client.recv(64).startswith(b"HTTP/1.1 401 "):
                        return (time.perf_counter() - begun) * 1e6
                time.sleep(0.001)
        finally:
            process.terminate()
    raise RuntimeError("the gateway did not start")
