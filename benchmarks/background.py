"""What work in the background costs the requests of another route.

`wasmgate run` serves a route without policies while a guest of `tests/wat/background` uses up its
share beside it (`background:` in gateway.yaml), or while the event loop computes. Requests come at
a fixed rate, independent of responses: a client that waits for a response sends nothing in that
time, and would not see what blocks the loop.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import native
import wasmtime
from generator import Generator
from machine import ROOT
from processes import Server, cores, free_port
from results import Result, summary

from wasmgate._native import compile_artifact
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from gateways import Load
    from rich.progress import Progress

QUIET = "nothing"
BUSY = "an event loop that computes for 2 s at a time"
_GUESTS = {
    QUIET: None,
    BUSY: None,
    "ticks of 10 million units that miss the cache": "tick_saturation",
    "900 callouts each tick": "tick_callouts",
}
_TEXTS = ROOT / "tests" / "wat" / "background"
_RATE = 500.0
# The longest ticks come every twelve seconds.
_SECONDS = 30.0
_WARM_UP_SECONDS = 2.0
_METRICS = ("p50", "p99")


def background(folder: Path, load: Load, progress: Progress) -> list[Result]:
    """Measure the other route with each guest, one after the other in each round.

    Raises RuntimeError when a run is not valid.
    """
    if not (folder / "load").exists():
        try:
            native.build_go(folder)
        except (RuntimeError, OSError) as error:
            progress.console.print(f"[yellow]skipped[/] background: {error}")
            return []
    modules = {name: _built(folder, guest) for name, guest in _GUESTS.items()}
    task = progress.add_task("background", total=load.rounds * len(modules))
    samples: dict[tuple[str, str], list[float]] = defaultdict(list)
    with Generator(folder / "load", wanted=cores()[1]) as generator:
        for _ in range(load.rounds):
            for name, module in modules.items():
                for metric, value in _measured(name, module, generator, load).items():
                    samples[name, metric].append(value)
                progress.update(task, advance=1, refresh=True)
    about = {"connections": load.connections, "seconds": _SECONDS, "rate": _RATE}
    return [
        summary("background", "wasmgate", metric, found, policy=name, **about)
        for (name, metric), found in samples.items()
    ]


def _built(folder: Path, guest: str | None) -> Path | None:
    """Compile a guest, so that the gateway finds its fastest code in the cache."""
    if guest is None:
        return None
    module = bytes(wasmtime.wat2wasm((_TEXTS / f"{guest}.wat").read_text("utf-8")))
    path = folder / f"{guest}.wasm"
    path.write_bytes(module)
    compile_artifact(module, cache=cache_folder(), tier="optimized")
    return path


def _measured(name: str, module: Path | None, generator: Generator, load: Load) -> dict[str, float]:
    """Start a gateway and return microseconds of latency."""
    port = free_port()
    configuration = {
        "listen": f"127.0.0.1:{port}",
        "clusters": {"site": {"endpoints": [f"http://{generator.upstream}"]}},
        "routes": [{"match": {"prefix": "/"}, "cluster": "site"}],
    }
    if module is not None:
        policy = {"module": str(module), "capabilities": {"net": ["site"]}}
        configuration |= {"policies": {"guest": policy}, "background": ["guest"]}
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        (own / "gateway.yaml").write_text(json.dumps(configuration), "utf-8")
        (own / "tokens.txt").write_text("any", "utf-8")
        config = str(own / "gateway.yaml")
        command = [sys.executable, "-m", "wasmgate", "run", config, "--threads", "1"]
        command += ["--log-level", "error"]
        if name == BUSY:
            command = [sys.executable, str(Path(__file__).with_name("busy_gateway.py"))]
            command += [config, str(port)]
        asked = {
            "address": f"127.0.0.1:{port}",
            "target": "/orders/42",
            "tokens": str(own / "tokens.txt"),
            "connections": load.connections,
            "sleep": True,
        }
        with Server(command, port=port, wanted=cores()[0], log=own / "log") as server:
            try:
                generator.load(**asked, seconds=_WARM_UP_SECONDS)
                report = generator.load(**asked, seconds=_SECONDS, rate=_RATE)
            except RuntimeError as error:
                raise RuntimeError(f"background: {error}\n{server.said()}") from error
    return {metric: report[metric] for metric in _METRICS}
