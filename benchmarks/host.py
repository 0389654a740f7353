"""What the host's own steps cost: a callback, a hostcall, an instance, a compile, a cached load."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import wasmtime
from results import Result, summary
from work import chain

from wasmgate import Policy
from wasmgate._native import Chain, Host, compile_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

_STREAMS = 20_000
_HOSTCALLS = 100
_THREADS = 20

# A guest that a stream passes without any callback; `%s` is what it does in addition.
_GUEST = """(module
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $value (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 64) "accept")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  %s)"""
_CALLBACK = """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (i32.and (local.get 0) (i32.const 0)))"""
"""Empty, but for an operator: a callback that is a constant is not called."""
_CALLS = {
    "proxy_get_current_time_nanoseconds": "(call $now (i32.const 8))",
    "proxy_get_header_map_value": """(call $value (i32.const 0) (i32.const 64) (i32.const 6)
      (i32.const 8) (i32.const 12))""",
}
"""The cheapest hostcall, and one that reads the header `accept` into memory of the guest."""
_HOSTCALL_LOOP = f"""(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (local $count i32)
  (loop $again
    (drop %s)
    (local.set $count (i32.add (local.get $count) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $count) (i32.const {_HOSTCALLS}))))
  (i32.const 0))"""

_HEADERS = [(b"host", b"api.example"), (b"accept", b"*/*")]


def callback(rounds: int, progress: Progress) -> list[Result]:
    """Measure an empty callback: a stream through a guest that has it, minus one without it."""

    def cost() -> float:
        return _stream_time(_guest(_CALLBACK)) - _stream_time(_guest(""))

    samples = _samples("callback", cost, rounds, progress)
    return [summary("callback", "wasmgate", "time", samples)]


def hostcall(rounds: int, progress: Progress) -> list[Result]:
    """Measure hostcalls, made many times in one callback, minus the empty callback."""

    def cost(call: str) -> float:
        loop = _stream_time(_guest(_HOSTCALL_LOOP % call))
        return (loop - _stream_time(_guest(_CALLBACK))) / _HOSTCALLS

    return [
        summary(
            "hostcall",
            "wasmgate",
            "time",
            _samples("hostcall", partial(cost, call), rounds, progress),
            hostcall=name,
        )
        for name, call in _CALLS.items()
    ]


def instance(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure an instance of each policy, started and configured.

    An instance belongs to a thread and is made for its first request there: this is the first
    request on a new thread, minus a second one; of each round the median of `_THREADS` threads.
    """
    results = []
    for policy in chain(public_pem):
        loaded = Chain([policy.load(Host())])
        first = partial(_median_first_request, loaded)
        results.append(_about(policy, "instance", _samples("instance", first, rounds, progress)))
    return results


def _median_first_request(policies: Chain) -> float:
    return statistics.median(_first_request(policies) for _ in range(_THREADS))


def _first_request(policies: Chain) -> float:
    samples: list[float] = []

    def run() -> None:
        first, second = (_timed(partial(_stream, policies)) for _ in range(2))
        samples.append(first - second)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return samples[0]


def compilation(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure loading each policy when it must be compiled, with the start of its canary."""
    return [
        _about(policy, "compile", _samples("compile", partial(_load, policy), rounds, progress))
        for policy in chain(public_pem)
    ]


def load(public_pem: str, rounds: int, progress: Progress) -> list[Result]:
    """Measure loading each policy from the cache, with the start of its canary."""
    results = []
    with tempfile.TemporaryDirectory() as cache:
        for policy in chain(public_pem):
            compile_artifact(policy.read(), cache=cache, tier="optimized")
            again = partial(_load, policy, cache)
            again()
            results.append(_about(policy, "load", _samples("load", again, rounds, progress)))
    return results


def _load(policy: Policy, cache: str | None = None) -> float:
    host = Host(cache=cache)
    return _timed(lambda: policy.load(host))


def _about(policy: Policy, question: str, samples: list[float]) -> Result:
    size = len(policy.read())
    return summary(question, "wasmgate", "time", samples, policy=policy.name, module_bytes=size)


def _samples(
    question: str, measure: Callable[[], float], rounds: int, progress: Progress
) -> list[float]:
    task = progress.add_task(question, total=rounds)
    samples = []
    for _ in range(rounds):
        samples.append(measure())
        progress.update(task, advance=1, refresh=True)
    return samples


def _timed(action: Callable[[], object]) -> float:
    """Return the microseconds that `action` takes on the clock."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e6


def _guest(functions: str) -> Chain:
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(wasmtime.wat2wasm(_GUEST % functions))
        file.flush()
        return Chain([Policy(file.name, name="guest").load(Host())])


def _stream(policies: Chain) -> None:
    peer = ("127.0.0.1", 50_000)
    stream, _, _ = policies.open(peer, peer, "http", "1.1", "GET", b"/orders/42", _HEADERS)
    stream.close()


def _stream_time(policies: Chain) -> float:
    """Return the microseconds of CPU that a stream takes from its opening to its end."""
    for _ in range(_STREAMS // 10):
        _stream(policies)
    start = time.thread_time()
    for _ in range(_STREAMS):
        _stream(policies)
    return (time.thread_time() - start) / _STREAMS * 1e6
