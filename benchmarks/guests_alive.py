"""What it costs to have a guest: compiled, loaded with its first request, and in memory.

In a process of its own, so that the memory is that of its instances alone.
"""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import tempfile
import time
from typing import TYPE_CHECKING

from guests_work import policy, routed, serve
from tenants import resident

from wasmgate import Isolation, Tenants
from wasmgate._native import Host, compile_artifact
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._native import Router

INSTANCES = 50
LATER = 2000  # requests of an instance, after which a collector has run
_STARTS = 10
_TENANT = b"x-tenant"


def alive(module: Path) -> dict[str, float]:
    """Return microseconds to compile and to the first request, and kB of an instance.

    The first request begins with a module whose code is in the cache; loading it starts the
    instance that tries the configuration, and the request another. Memory is that of an instance
    that has served one request, and `LATER` of them.
    """
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(_measured, (module,))


def _measured(module: Path) -> dict[str, float]:
    _first(module)  # finds what Python imports late
    first = statistics.median(_first(module) for _ in range(_STARTS))
    return {"compile": _compiled(module), "first": first, **_memory(module)}


def _compiled(module: Path) -> float:
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        compile_artifact(module.read_bytes(), cache=cache, tier="optimized")
        return (time.perf_counter() - start) * 1e6


def _first(module: Path) -> float:
    start = time.perf_counter()
    serve(routed(policy(module).load(Host(cache=cache_folder()))))
    return (time.perf_counter() - start) * 1e6


def _memory(module: Path) -> dict[str, float]:
    """Return the memory that each of `INSTANCES` tenants adds, in kB."""
    tenants = Tenants(header=_TENANT.decode(), max=INSTANCES + 1)
    each = policy(module, isolation=Isolation.TENANT, tenants=tenants)
    router = routed(each.load(Host(cache=cache_folder())))
    serve(router, (_TENANT, b"warm"))
    gc.collect()
    before = resident()
    fresh = _grown(router, before, 1)
    return {"memory": fresh, "memory_later": _grown(router, before, LATER)}


def _grown(router: Router, before: int, requests: int) -> float:
    for number in range(INSTANCES):
        for _ in range(requests):
            serve(router, (_TENANT, b"tenant-%d" % number))
    return (resident() - before) / INSTANCES / 1e3
