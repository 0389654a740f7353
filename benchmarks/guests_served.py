"""The guests of every language in `wasmgate run` and in Envoy's V8: CPU a request, memory.

The same modules, requests and upstream; each gateway has one policy and one core. In each round
every guest is measured in the one gateway and then in the other.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import native
import on_envoy
from generator import Generator
from guests import built
from guests_work import BODY, policy
from launching import Launch, Site
from processes import Server, cores, free_port
from results import Result, summary

from wasmgate._native import compile_artifact
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from gateways import Load
    from rich.progress import Progress

_GUESTS = ("empty", "rust", "go", "assemblyscript")
_WARM_UP_SECONDS = 0.5


def served(folder: Path, load: Load, progress: Progress) -> list[Result]:
    """Measure the guests that can be built here in both gateways; says what is left out, and why.

    Raises RuntimeError when a run is not valid.
    """
    if reason := _missing(folder):
        progress.console.print(f"[yellow]skipped[/] guests.served: {reason}")
        return []
    modules = {name: path for name, path in built(folder, progress).items() if name in _GUESTS}
    for module in modules.values():
        compile_artifact(module.read_bytes(), cache=cache_folder(), tier="optimized")
    asked = [(name, gateway) for name in modules for gateway in _GATEWAYS]
    task = progress.add_task("guests.served", total=load.rounds * len(asked))
    samples: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    with Generator(folder / "load", wanted=cores()[1]) as generator:
        for _ in range(load.rounds):
            for name, gateway in asked:
                doing = f"guests.served {name} in {gateway}"
                progress.update(task, description=doing, refresh=True)
                for metric, value in _measured(gateway, modules[name], generator, load).items():
                    samples[name, gateway, metric].append(value)
                progress.update(task, advance=1, refresh=True)
    return _results(samples, load)


def _results(samples: dict[tuple[str, str, str], list[float]], load: Load) -> list[Result]:
    about = {"connections": load.connections, "seconds": load.seconds / 2, "body": len(BODY)}
    return [
        summary(
            "guests.served",
            f"{name} in {gateway}",
            metric,
            found,
            guest=name,
            gateway=gateway,
            **about,
        )
        for (name, gateway, metric), found in samples.items()
    ]


def _missing(folder: Path) -> str | None:
    """Say what is not there, after building the clients unless they are there already."""
    if not (folder / "load").exists():
        try:
            native.build_go(folder)
        except (RuntimeError, OSError) as error:
            return str(error)
    return on_envoy.missing(folder)


def _wasmgate(site: Site, module: Path) -> Launch:
    """Start `wasmgate run` with one module."""
    described = policy(module)
    settings = {
        "module": str(module),
        "limits": {"memory": described.limits.memory, "fuel": described.limits.fuel},
        "capabilities": {"metrics": list(described.capabilities.metrics)},
    }
    configuration = {
        "listen": f"127.0.0.1:{site.port}",
        "policies": {"stamp": settings},
        "clusters": {"upstream": {"endpoints": [f"http://{site.upstream}"]}},
        "routes": [{"match": {"prefix": "/"}, "cluster": "upstream", "policies": ["stamp"]}],
    }
    path = site.write("gateway.yaml", json.dumps(configuration))
    command = [sys.executable, "-m", "wasmgate", "run", path, "--threads", "1"]
    return Launch([*command, "--log-level", "error"])


_GATEWAYS = {"wasmgate": _wasmgate, "envoy": on_envoy.guest}


def _measured(gateway: str, module: Path, generator: Generator, load: Load) -> dict[str, float]:
    """Start a gateway and return microseconds of CPU a request, and MB of memory."""
    with tempfile.TemporaryDirectory() as own:
        site = Site(
            port=free_port(),
            upstream=generator.upstream,
            folder=Path(own),
            programs=Path(own),
            public_pem=None,
        )
        command = _GATEWAYS[gateway](site, module).command
        log = site.folder / "log"
        with Server(command, port=site.port, wanted=cores()[0], log=log) as server:
            try:
                return _loaded(server, generator, load, site)
            except RuntimeError as error:
                raise RuntimeError(f"{gateway}: {error}\n{server.said()}") from error


def _loaded(server: Server, generator: Generator, load: Load, site: Site) -> dict[str, float]:
    command = {
        "address": f"127.0.0.1:{site.port}",
        "target": "/orders/42",
        "tokens": site.write("tokens.txt", "any"),
        "connections": load.connections,
        "body": len(BODY),
    }
    generator.load(**command, seconds=_WARM_UP_SECONDS)
    before = server.cpu()
    report = generator.load(**command, seconds=load.seconds / 2)
    cpu = (server.cpu() - before) / float(report["requests"]) * 1e6
    return {"cpu": cpu, "rss": server.rss()}
