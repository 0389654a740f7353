"""Both tiers of code, and instances that change over from one to the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.gateway.guests import HOLDS
from tests.native.chain_request import Request, load
from tests.native.hostile import ATTACK, guest, hostile, wasm
from wasmgate._native import Chain, Host, compile_artifact

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._native import Plugin

RESPOND = """(import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"""

# Answers 200 and its requests so far, and ten times its pages, which grow by one each time, and a
# hundred times what the request before wrote into the newest page.
COUNTS = """
  (global $count (mut i32) (i32.const 0))
  (global $place (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $word i32)
    (local.set $word (i32.load (global.get $place)))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.set $place (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (i32.store (global.get $place) (global.get $count))
    (drop (call $respond
      (i32.add (i32.add (i32.const 200) (global.get $count))
        (i32.add (i32.mul (memory.size) (i32.const 10))
          (i32.mul (local.get $word) (i32.const 100))))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1))"""
COUNTED = [221, 332, 443, 554]

# Its table changes at the start, so the host cannot copy it.
TABLE = """
  (table 1 funcref)
  (elem declare func $self)
  (func $self (export "_initialize") (table.set (i32.const 0) (ref.func $self)))"""


@pytest.fixture
def cache(tmp_path: Path) -> str:
    """Return a folder of artifacts for one test."""
    return str(tmp_path / "artifacts")


def fast(cache: str, module: bytes) -> Plugin:
    """Load a module in the fast tier."""
    compile_artifact(module, cache=cache, tier="fast")
    return load(Host(cache=cache, log_level=0), module)


def improve(cache: str, plugin: Plugin, module: bytes) -> bool:
    """Put the optimised tier into the cache, and let a plugin take it."""
    compile_artifact(module, cache=cache, tier="optimized")
    return plugin.improve(module)


@pytest.mark.parametrize("more", ["", TABLE], ids=["moves", "stays"])
def test_an_instance_goes_on_with_what_it_remembers(cache: str, more: str) -> None:
    """Its globals and its memory, whether it changes over or must stay in fast code."""
    module = guest(RESPOND, COUNTS, more)
    plugin = fast(cache, module)
    chain = Chain([plugin])
    statuses = [Request(chain).status for _ in range(2)]
    tiers = [plugin.tier, improve(cache, plugin, module), plugin.tier]
    assert tiers == ["fast", True, "optimized"]
    assert [*statuses, *(Request(chain).status for _ in range(2))] == COUNTED


def test_each_thread_keeps_its_own(cache: str) -> None:
    """An instance on another thread changes over when it runs again, with its own memory."""
    module = guest(RESPOND, COUNTS)
    plugin = fast(cache, module)
    chain, improved, statuses = Chain([plugin]), threading.Event(), []

    def run() -> None:
        statuses.append(Request(chain).status)
        improved.wait()
        statuses.append(Request(chain).status)

    thread = threading.Thread(target=run)
    thread.start()
    own = [Request(chain).status for _ in range(3)]
    improve(cache, plugin, module)
    improved.set()
    thread.join()
    assert (own, statuses, Request(chain).status) == (COUNTED[:3], COUNTED[:2], COUNTED[3])


def test_a_stream_that_waits_goes_on(cache: str) -> None:
    """A context, its tick and the stream it holds are the same in better code."""
    module = wasm(HOLDS.replace("PHASE", "0").replace("DELAY", "1"))
    plugin = fast(cache, module)
    chain = Chain([plugin])
    request = Request(chain)
    assert not request.passed
    assert improve(cache, plugin, module)
    while request.stream.id not in chain.tick()[1].wake:
        pass
    assert request.resume().passed
    assert request.response(200, end=True).close().said == ["held", "good-bye"]


def test_fuel_holds_in_better_code(cache: str) -> None:
    """The next callback has its fuel and not more, and the policy lives on."""
    module = hostile("endless_loop")
    plugin = fast(cache, module)
    chain = Chain([plugin])
    assert Request(chain).passed
    improve(cache, plugin, module)
    attacked = Request(chain, headers=ATTACK)
    assert (attacked.status, "used up its fuel of 10000000" in attacked.said[-1]) == (503, True)
    assert Request(chain).passed


def test_there_is_no_better_code_yet(cache: str) -> None:
    """Nothing changes."""
    module = guest(RESPOND, COUNTS)
    plugin = fast(cache, module)
    assert (plugin.improve(module), plugin.tier) == (False, "fast")


def test_better_code_of_another_module_is_refused(cache: str) -> None:
    """A plugin takes the code of its own module only."""
    module, other = guest(RESPOND, COUNTS), guest()
    plugin = fast(cache, module)
    assert not improve(cache, plugin, other)


def test_a_module_with_simd_runs(cache: str) -> None:
    """In whichever tier: singlepass, which may be the fast one's compiler, knows no SIMD."""
    module = guest('(func (export "f") (result v128) (v128.const i64x2 1 2))')
    tier = compile_artifact(module, cache=cache, tier="fast")
    plugin = load(Host(cache=cache), module)
    assert (plugin.cached, plugin.tier) == (True, tier)


def test_a_module_that_cannot_run_here(cache: str) -> None:
    """The error is Python's own, and says why."""
    with pytest.raises(ValueError, match="not a WebAssembly module"):
        compile_artifact(b"MZ", cache=cache, tier="fast")


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """Here a file in its place."""
    (tmp_path / "artifacts").write_bytes(b"")
    with pytest.raises(OSError, match="not a folder"):
        compile_artifact(guest(), cache=str(tmp_path / "artifacts"), tier="fast")


def test_instances_are_counted(cache: str) -> None:
    """One for each plugin in use on this thread, and none when the plugin has gone."""
    host = Host(cache=cache)
    plugin = load(host, guest())
    before = host.instances()
    chain = Chain([plugin])
    Request(chain).close()
    during = host.instances()
    del chain, plugin
    assert (before, during, host.instances()) == (0, 1, 0)
