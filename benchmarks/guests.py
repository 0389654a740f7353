"""What a policy's language costs: one small policy in Rust, Go, AssemblyScript and by hand.

They are the guests of tests/guests/stamp, which read two headers, set a third, replace a body and
count. A round asks every guest, one after the other, so that what happens to the machine happens to
all. CPU is that of the thread; `empty` has the same callbacks and does nothing.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wasmtime
from guests_alive import alive
from guests_work import BODY, Endpoint, check, policy, routed, send, serve
from machine import ROOT
from results import Result, summary

from wasmgate import PolicyMiddleware
from wasmgate._native import Host, compile_artifact
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress

    from wasmgate._native import Router

_TOOL = ROOT / "tools" / "build_guests.py"
_TOOL_MISSING = 3
_STAMP = ROOT / "tests" / "guests" / "stamp"
# By the names on the page: what tools/build_guests.py builds, and which of its modules it is.
_LANGUAGES = {
    "rust": ("stamp-rust", "stamp"),
    "rust-trimmed": ("stamp-rust", "stamp_trimmed"),
    "assemblyscript": ("stamp-assemblyscript", "stamp"),
    "go": ("stamp-go", "stamp"),
}
EMPTY, BY_HAND = "empty", "by-hand"
_TEXTS = {EMPTY: "empty.wat", BY_HAND: "by_hand.wat"}
GUESTS = (*_TEXTS, *_LANGUAGES)
_WARM_UP = 1000

Samples = dict[tuple[str, str], list[float]]


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A module that is loaded once for all rounds."""

    name: str
    module: Path
    host: Host
    router: Router
    middleware: PolicyMiddleware
    endpoint: Endpoint


def guests(folder: Path, requests: int, rounds: int, progress: Progress) -> list[Result]:
    """Measure every guest that can be built here; says which cannot, and why.

    Raises RuntimeError when one does not do the work.
    """
    loaded = [_loaded(name, module) for name, module in built(folder, progress).items()]
    task = progress.add_task("guests", total=rounds * len(loaded))
    samples: Samples = defaultdict(list)
    for _ in range(rounds):
        bare = _middleware_cpu(Endpoint(), requests)
        for guest in loaded:
            progress.update(task, description=f"guests {guest.name}", refresh=True)
            for metric, value in _round(guest, requests, bare).items():
                samples[guest.name, metric].append(value)
            progress.update(task, advance=1, refresh=True)
    about = {"requests": requests, "body": len(BODY)}
    return [
        summary(
            "guests", guest.name, metric, found, **about, module_bytes=guest.module.stat().st_size
        )
        for guest in loaded
        for (name, metric), found in samples.items()
        if name == guest.name
    ]


def built(folder: Path, progress: Progress) -> dict[str, Path]:
    """Return the modules that can be built here by their names; says which are left out, and why.

    Raises RuntimeError when one does not compile.
    """
    modules = {name: folder / f"{name}.wasm" for name in _TEXTS}
    for name, path in modules.items():
        path.write_bytes(wasmtime.wat2wasm((_STAMP / _TEXTS[name]).read_text("utf-8")))
    for name, (what, module) in _LANGUAGES.items():
        command = [sys.executable, str(_TOOL), what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == _TOOL_MISSING:
            progress.console.print(f"[yellow]skipped[/] guest {name}: {done.stderr.strip()}")
        elif done.returncode:
            raise RuntimeError(f"guest {name} does not compile:\n{done.stderr}")
        else:
            modules[name] = ROOT.joinpath(done.stdout.strip(), f"{module}.wasm")
    return modules


def _loaded(name: str, module: Path) -> Guest:
    compile_artifact(module.read_bytes(), cache=cache_folder(), tier="optimized")
    host = Host(cache=cache_folder())
    endpoint = Endpoint()
    guest = Guest(
        name=name,
        module=module,
        host=host,
        router=routed(policy(module).load(host)),
        middleware=PolicyMiddleware(endpoint, policies=[policy(module)]),
        endpoint=endpoint,
    )
    if name != EMPTY:
        check(name, guest.router)
    return guest


def _round(guest: Guest, requests: int, bare: float) -> dict[str, float]:
    for _ in range(_WARM_UP):
        serve(guest.router)
    before = _fuel(guest.host)
    start = time.thread_time()
    for _ in range(requests):
        serve(guest.router)
    cpu = (time.thread_time() - start) / requests * 1e6
    fuel = (_fuel(guest.host) - before) / requests
    middleware = _middleware_cpu(guest.middleware, requests) - bare
    if guest.endpoint.received != guest.endpoint.calls * len(BODY):
        raise RuntimeError(f"{guest.name}: not all of the bodies came to the app")
    return {"cpu": cpu, "middleware": middleware, "fuel": fuel, **alive(guest.module)}


def _fuel(host: Host) -> int:
    return sum(callback.fuel for callback in host.callbacks())


def _middleware_cpu(app: PolicyMiddleware | Endpoint, requests: int) -> float:
    """Return the microseconds of CPU that each request through an ASGI app takes."""

    async def run() -> float:
        await send(app, _WARM_UP)
        start = time.thread_time()
        await send(app, requests)
        return (time.thread_time() - start) / requests * 1e6

    return asyncio.run(run())
