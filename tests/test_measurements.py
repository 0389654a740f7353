"""What the benchmarks compute from what they measure."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="they are not shipped")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import what is a script's neighbour, not a package's module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_the_model_finds_what_points_are_made_of(module: Callable[[str], Any]) -> None:
    """Points that are a sum of the terms are fitted without error."""
    growth, model, results = module("growth"), module("model"), module("results")
    made = model.Model({name: 1.0 + number for number, name in enumerate(model.TERMS)})
    points = [
        results.summary(f"growth.{varied}", "made", "cpu", [made.cpu(point)], **point)
        for varied in growth.VARIED
        for point in growth.points(varied)
    ]
    assert model.fit(points).costs == pytest.approx(made.costs, rel=0.01)


def test_samples_are_read_off_the_profilers_script(module: Callable[[str], Any]) -> None:
    """A blank line ends a sample; its first frame is where the processor was."""
    script = ["\t1f tcp_sendmsg ([kernel.kallsyms])", "\t2f ksys_write ([kernel.kallsyms])", ""]
    script += ["\t3f f (/lib/libc.so.6)"]
    found = list(module("budget_parts").samples(script))
    assert [[frame.symbol for frame in frames] for frames in found] == [
        ["tcp_sendmsg", "ksys_write"],
        ["f"],
    ]


@pytest.mark.parametrize(
    ("symbol", "file", "expected"),
    [
        ("wasmgate_gateway::routing::route_table::RouteTable::find", "_native.abi3.so", "routing"),
        ("<wasmer_vm::memory::VMMemory>::size", "_native.abi3.so", "hostcalls"),
        ("core::fmt::write", "_native.abi3.so", "Rust's standard library"),
        ("_int_free", "libc.so.6", "malloc and free"),
        ("__memmove_avx512_unaligned_erms", "libc.so.6", "copying and comparing bytes"),
        ("f", "/p/python3.11/site-packages/uvloop/loop.so", "the event loop (uvloop, libuv)"),
        ("f", "/lib/libpython3.11.so.1.0", "Python: protocol classes and interpreter"),
        ("f", "somewhere", "anything else"),
        ("[unknown]", "[JIT] tid 1", "guest code: rewrite"),
    ],
)
def test_a_sample_belongs_to_a_part(
    module: Callable[[str], Any], symbol: str, file: str, expected: str
) -> None:
    """By its symbol, by its file, or by whose code its address is in."""
    parts = module("budget_parts")
    address = 5 if file.startswith("[JIT]") else 50
    assert parts.part([parts.Frame(address, symbol, file)], {range(10): "rewrite"}) == expected


def test_kernel_time_belongs_to_its_system_call(module: Callable[[str], Any]) -> None:
    """However deep in the kernel."""
    parts = module("budget_parts")
    frames = [parts.Frame(1, name, parts.KERNEL) for name in ("tcp_sendmsg", "ksys_write")]
    assert parts.part(frames, {}) == "system call: write"


def test_instructions_are_added_up_by_part(module: Callable[[str], Any]) -> None:
    """Callgrind's lines, with the mark of a recursion, and code of no file."""
    lines = [
        "1,000 (50.0%)  ???:wasmgate_gateway::routing::router::Router::find'2 [/x/_native.abi3.so]",
        "  900 (45.0%)  ???:0x00000000054e9000 [???]",
        "  100 ( 5.0%)  ???:0x00000000054e9010",
    ]
    found = module("instructions").by_part("\n".join(lines))
    assert found == {"routing": 1000, "guest code: the three policies": 1000}


@pytest.mark.skipif(shutil.which("go") is None, reason="the load generator is written in Go")
def test_the_load_generator() -> None:
    """Its own tests pass: percentiles, arrivals, requests, responses in pieces."""
    done = subprocess.run(
        ["go", "test", "./load"],
        cwd=BENCHMARKS / "peers",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["capacity.py", "budget_page.py"])
def test_pages_show_their_results(page: str) -> None:
    """Renewing them would change nothing."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / page), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)
