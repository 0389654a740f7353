"""Hostile guests: each ends in its named error or status, in time, and the next request passes.

`tests/wat` has one file a guest, which runs in both tiers of code. Time is measured as what the
thread computed: a callback's fuel stands for about 10 ms, and no guest may hold the event loop for
many times that.
"""

from __future__ import annotations

import contextlib
import resource
import time
from typing import TYPE_CHECKING, Literal

import pytest

from tests.native import chain_request
from tests.native.chain_request import Request
from tests.native.hostile import ATTACK, WAT, hostile
from wasmgate import PolicyLoadError
from wasmgate._native import Chain, Host, compile_artifact

if TYPE_CHECKING:
    from wasmgate._native import Plugin

FUEL = "proxy_on_request_headers used up its fuel of 10000000 units"
MEMORY = "proxy_on_request_headers ran out of its memory of 33554432 bytes"
STACK = "trapped in proxy_on_request_headers: call stack exhausted"
TRAP = "trapped in proxy_on_request_headers: "

REFUSED = {
    "endless_loop_in_configure": "proxy_on_configure used up its fuel of 200000000 units",
    "endless_loop_in_initialize": "_initialize used up its fuel of 200000000 units",
    "endless_loop_in_start_function": "the start function used up its fuel of 200000000 units",
    "initial_memory": "starts with 3221225472 bytes of memory and its limit is 33554432",
    "initial_table": "has 100000000 elements in a table; this host allows 100000",
    "initialize_calls_the_host": "the guest called proxy_get_property while it initializes",
    "loop_of_log_lines_in_start_function": "the start function used up its fuel",
    "refuses_its_configuration": "proxy_on_configure refused the configuration; it said: no such",
    "refuses_its_vm_configuration": "proxy_on_vm_start refused the configuration",
    "reserved_export": 'the export "__wasmgate_fuel" is reserved for the host',
    "trap_in_start_function": "trapped in the start function: unreachable",
}
"""Guests that are refused when they are loaded, and what the error says."""

STOPPED = {
    "allocator_calls_the_host": "called proxy_get_header_map_pairs while its allocator runs",
    "allocator_traps": TRAP + "unreachable",
    "divides_by_zero": TRAP + "integer divide by zero",
    "endless_loop": FUEL,
    "endless_loop_in_allocator": FUEL,
    "exits": TRAP + "the guest called proc_exit",
    "flood_of_headers": FUEL,
    "flood_of_one_header": FUEL,
    "flood_of_properties": FUEL,
    "full_shared_data_of_empty_values": FUEL,
    "indirect_recursion": STACK,
    "iovec_bomb": FUEL,
    "loop_of_callouts": FUEL,
    "loop_of_continue": FUEL,
    "loop_of_denied_callouts": FUEL,
    "loop_of_empty_log_lines": FUEL,
    "loop_of_foreign_functions": FUEL,
    "loop_of_local_responses": FUEL,
    "loop_of_log_lines": FUEL,
    "loop_of_metrics": FUEL,
    "loop_of_properties": FUEL,
    "loop_of_random": FUEL,
    "loop_of_shared_data_reads": FUEL,
    "memory_copy": FUEL,
    "memory_fill": FUEL,
    "memory_fill_out_of_bounds": FUEL,
    "memory_growth": FUEL,
    "memory_growth_at_once": MEMORY,
    "memory_growth_until_refused": MEMORY,
    "memory_init": FUEL,
    "one_huge_log_line": FUEL,
    "recursion": STACK,
    "recursion_through_hostcalls": STACK,
    "table_growth": FUEL,
    "wild_load": TRAP + "out of bounds memory access",
}
"""Guests that are stopped in a request, and what the log says."""

BAD_ARGUMENT, INVALID_MEMORY_ACCESS, INTERNAL_FAILURE = 2, 6, 10

TOLD = {
    "allocator_null": INVALID_MEMORY_ACCESS,
    "allocator_out_of_range": INVALID_MEMORY_ACCESS,
    "flood_of_pairs": BAD_ARGUMENT,
    "full_queue": INTERNAL_FAILURE,
    "full_queues": INTERNAL_FAILURE,
    "full_shared_data": INTERNAL_FAILURE,
    "huge_metric_names": BAD_ARGUMENT,
    "huge_queue_names": INTERNAL_FAILURE,
}
"""Guests whose hostcall answers a status, which they send to the client as 200 and the status."""

# Without a bound a guest would run until the test's timeout.
SECONDS = 5
MEGABYTES = 100


@pytest.fixture(params=["fast", "optimized"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Make a host whose cache has guests of one tier, then one with those of the other."""
    folder = tmp_path_factory.getbasetemp() / "tiers" / request.param
    return Host(cache=str(folder), log_level=0)


def load(host: Host, module: bytes) -> Plugin:
    """Load a guest in the tier that the cache is for."""
    assert host.cache is not None
    tier: Literal["fast", "optimized"] = "fast" if host.cache.name == "fast" else "optimized"
    with contextlib.suppress(ValueError):  # refused when it is loaded, too
        compile_artifact(module, cache=str(host.cache), tier=tier)
    plugin = chain_request.load(host, module, metrics=("*",), net=("auth",))
    assert plugin.tier == tier
    return plugin


def computed(work_seconds: float) -> float:
    """Return the seconds that this thread computed since then."""
    return time.thread_time() - work_seconds


def test_every_hostile_guest_has_its_outcome() -> None:
    """A file that no table names would never run."""
    named = {*REFUSED, *STOPPED, *TOLD, "huge_body"}
    assert named == {path.stem for path in WAT.glob("*.wat")}


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_a_hostile_start_is_refused(host: Host, name: str, message: str) -> None:
    """One error that says what happened, in time."""
    began = time.thread_time()
    with pytest.raises(PolicyLoadError) as caught:
        load(host, hostile(name))
    assert message in str(caught.value)
    assert computed(began) < SECONDS


@pytest.mark.parametrize(("name", "message"), STOPPED.items())
def test_a_hostile_callback_is_stopped(host: Host, name: str, message: str) -> None:
    """The client gets 503, the log says why, and the next request passes."""
    chain = Chain([load(host, hostile(name))])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.thread_time()
    attacked = Request(chain, headers=ATTACK)
    spent = computed(began)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    policy, level, text = attacked.records[-1]
    assert (attacked.status, attacked.passed) == (503, False)
    assert (policy, level, message in text) == ("guest", 5, True), text
    assert spent < SECONDS
    assert grown < MEGABYTES << 10
    assert Request(chain).passed


@pytest.mark.parametrize(("name", "status"), TOLD.items())
def test_a_hostile_call_gets_its_status(host: Host, name: str, status: int) -> None:
    """The guest is told and lives on."""
    chain = Chain([load(host, hostile(name))])
    began = time.thread_time()
    assert Request(chain, headers=ATTACK).status == 200 + status
    assert computed(began) < SECONDS
    assert Request(chain).passed


def test_a_body_cannot_be_replaced_by_a_huge_one(host: Host) -> None:
    """`body` bounds what a policy writes too, and the log says so."""
    chain = Chain([load(host, hostile("huge_body"))])
    request = Request(chain, method="POST", headers=[(b"content-length", b"3")])
    request.request_body(b"abc", end=True)
    assert request.status == 200 + BAD_ARGUMENT
    assert request.said == ["could not change a body: its limit `body` allows no more"]


@pytest.mark.parametrize("name", ["loop_of_log_lines", "loop_of_empty_log_lines"])
def test_log_lines_are_bounded(host: Host, name: str) -> None:
    """16 KiB are at most 512 lines of 32 bytes, with any text."""
    chain = Chain([load(host, hostile(name))])
    assert len(Request(chain, headers=ATTACK).records) <= 514
