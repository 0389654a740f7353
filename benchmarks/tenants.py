"""What a tenant costs: its first request beyond the request itself, and its memory.

Each policy has a process of its own, so that the memory is that of its tenants alone.
"""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from results import Result, summary
from swap import optimize
from work import chain

from wasmgate import Isolation, Tenants
from wasmgate._native import Chain, Host
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from rich.progress import Progress

    from wasmgate import Policy

TENANTS = 1000
_PEER = ("127.0.0.1", 50_000)


def tenant(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure `TENANTS` tenants of each policy on one thread; of each round the median of them."""
    results = []
    policies = chain(public_pem)
    optimize(policies, cache_folder())
    for policy in policies:
        task = progress.add_task(f"tenant, {policy.name}", total=rounds)
        times, sizes = [], []
        for _ in range(rounds):
            with multiprocessing.get_context("spawn").Pool(1) as process:
                microseconds, kilobytes = process.apply(_measure, (policy,))
            times.append(microseconds)
            sizes.append(kilobytes)
            progress.update(task, advance=1, refresh=True)
        about = {"policy": policy.name, "tenants": TENANTS}
        results.append(summary("tenant", "wasmgate", "time", times, **about))
        results.append(summary("tenant", "wasmgate", "memory", sizes, **about))
    return results


def _measure(policy: Policy) -> tuple[float, float]:
    """Return microseconds of a tenant's first request beyond its second, and kB of a tenant."""
    each = dataclasses.replace(
        policy, isolation=Isolation.TENANT, tenants=Tenants(header="x-tenant")
    )
    policies = Chain([each.load(Host(cache=cache_folder()))])
    _request(policies, "warm")
    gc.collect()
    before = resident()
    samples = []
    for number in range(TENANTS):
        first, second = (_request(policies, f"tenant-{number}") for _ in range(2))
        samples.append(first - second)
    return statistics.median(samples), (resident() - before) / TENANTS / 1e3


def _request(policies: Chain, name: str) -> float:
    """Return the microseconds that a request of a tenant takes."""
    headers = [(b"host", b"api.example"), (b"x-tenant", name.encode())]
    start = time.perf_counter()
    stream, _, _ = policies.open(_PEER, _PEER, "http", "1.1", "GET", b"/orders/42", headers)
    stream.close()
    return (time.perf_counter() - start) * 1e6


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError("the system does not say how much memory the process has")
