"""Fourteen production modules from the cache: those of PyPI's `gpustack-higress-plugins`.

Loading is the host's work: the file is read, its compiled code found, checked and made ready to be
instantiated. Starting is the guest's: its runtime, and what it makes of its configuration. A round
is a process of its own, as a gateway's start is, which keeps all modules; the system has the files
in memory. Peers load the same modules with wasmtime, in code that counts fuel, too.

The system has free memory, too: a hypervisor may take back what a virtual machine does not use, and
then a page's first use costs several times as much. Rounds were 190 ms or 310 ms for that alone.
"""

from __future__ import annotations

import importlib.util
import json
import mmap
import multiprocessing
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import wasmtime
from machine import ROOT
from modules_page import ALL, LOAD, START
from results import Result, summary
from swap import optimize

from wasmgate import Capabilities, Limits, Policy
from wasmgate._native import Host
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import Progress

_PACKAGE = "gpustack_higress_plugins"
_CONFIGURATIONS = ROOT / "tests" / "modules" / "higress.json"
# What Go's runtime and its collector need beyond the default limits.
_GO = Limits(memory=128 * 1024**2, fuel=200_000_000, start_fuel=20_000_000_000)
# More than a round takes, in bytes.
_MEMORY = 512 * 1024**2

Costs = dict[tuple[str, str], tuple[float, float]]
"""CPU and clock time, in microseconds, by step and module."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A module with its configuration, and a file of the code that wasmtime made of it."""

    policy: Policy
    compiled: Path


def modules(folder: Path, rounds: int, progress: Progress) -> list[Result]:
    """Measure all modules together and each by itself; `folder` is for the peer's files.

    Raises RuntimeError when the modules are not installed.
    """
    policies = _policies()
    optimize(policies, cache_folder())
    given = [Given(policy=policy, compiled=_compiled(policy, folder)) for policy in policies]
    task = progress.add_task("modules", total=rounds * len(_SUBJECTS))
    found: dict[str, list[Costs]] = defaultdict(list)
    for _ in range(rounds):
        for subject, measure in _SUBJECTS.items():
            with multiprocessing.get_context("spawn").Pool(1) as process:
                process.apply(_have_memory)
                found[subject].append(process.apply(measure, (given,)))
            progress.update(task, description=f"modules {subject}", advance=1, refresh=True)
    return [result for subject, costs in found.items() for result in _results(subject, costs)]


def _have_memory() -> None:
    """Use memory and give it back, so that the system has it and need not ask a hypervisor."""
    with mmap.mmap(-1, _MEMORY) as memory:
        for page in range(0, _MEMORY, mmap.PAGESIZE):
            memory[page] = 1


def _policies() -> list[Policy]:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None:
        raise RuntimeError(f"the package {_PACKAGE} is not installed")
    configurations = json.loads(_CONFIGURATIONS.read_text("utf-8"))
    folders = package.submodule_search_locations or ()
    paths = [path for one in folders for path in Path(one, "plugins").glob("*/*/plugin.wasm")]
    return [
        Policy(
            path,
            name=path.parts[-3],
            configuration=json.dumps(configurations[path.parts[-3]]),
            limits=_GO,
            capabilities=Capabilities(metrics=["*"]),
        )
        for path in sorted(paths)
    ]


def _engine() -> wasmtime.Engine:
    configuration = wasmtime.Config()
    configuration.consume_fuel = True
    configuration.cache = True
    return wasmtime.Engine(configuration)


def _compiled(policy: Policy, folder: Path) -> Path:
    path = folder / f"{policy.name}.cwasm"
    path.write_bytes(wasmtime.Module(_engine(), policy.read()).serialize())
    return path


def _ours(given: Sequence[Given]) -> Costs:
    host = Host(cache=cache_folder())
    costs, plugins = {}, []
    for policy in (one.policy for one in given):
        begun = _now()
        module = policy.prepare(host, policy.read())
        loaded = _now()
        plugins.append(policy.start(host, module))
        costs[LOAD, policy.name] = _between(begun, loaded)
        costs[START, policy.name] = _between(loaded, _now())
    return costs


def _by_content(engine: wasmtime.Engine, one: Given) -> wasmtime.Module:
    return wasmtime.Module(engine, one.policy.read())


def _by_file(engine: wasmtime.Engine, one: Given) -> wasmtime.Module:
    return wasmtime.Module.deserialize_file(engine, str(one.compiled))


def _cached_peer(given: Sequence[Given]) -> Costs:
    return _peer(_by_content, given)


def _file_peer(given: Sequence[Given]) -> Costs:
    return _peer(_by_file, given)


def _peer(
    load: Callable[[wasmtime.Engine, Given], wasmtime.Module], given: Sequence[Given]
) -> Costs:
    engine = _engine()
    costs, kept = {}, []
    for one in given:
        begun = _now()
        kept.append(load(engine, one))
        costs[LOAD, one.policy.name] = _between(begun, _now())
    return costs


_SUBJECTS = {"wasmgate": _ours, "wasmtime-cache": _cached_peer, "wasmtime-file": _file_peer}


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _between(begun: tuple[float, float], ended: tuple[float, float]) -> tuple[float, float]:
    return (ended[0] - begun[0]) * 1e6, (ended[1] - begun[1]) * 1e6


def _results(subject: str, rounds: Sequence[Costs]) -> list[Result]:
    """Return CPU and clock time of each step: of all modules together, and of each."""
    samples: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for costs in rounds:
        for step in dict.fromkeys(step for step, _ in costs):
            each = {name: cost for (of, name), cost in costs.items() if of == step}
            together = (sum(cpu for cpu, _ in each.values()), sum(t for _, t in each.values()))
            for name, (cpu, clock) in {ALL: together, **each}.items():
                samples[step, name, "cpu"].append(cpu)
                samples[step, name, "time"].append(clock)
    return [
        summary("modules", subject, metric, values, step=step, module=name)
        for (step, name, metric), values in samples.items()
    ]
