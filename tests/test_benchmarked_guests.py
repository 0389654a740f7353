"""The tables of what a policy's language costs."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="they are not shipped")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 (a module)
    """Import a script's neighbour, with its own neighbours beside it."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def measured(module: Any, **cpu: float) -> list[Any]:  # noqa: ANN401
    """Make results of guests by the microseconds that a request takes in them."""
    summary = module("results").summary
    others = ("middleware", "fuel", "compile", "first", "memory", "memory_later")
    return [
        summary("guests", name, metric, [value * factor], module_bytes=2000)
        for name, value in cpu.items()
        for metric, factor in {"cpu": 1.0, **dict.fromkeys(others, 100.0)}.items()
    ]


def test_a_guest_is_compared_with_rust_beyond_the_empty_one(module: Any) -> None:  # noqa: ANN401
    """The cost of the empty guest is subtracted first: 20 us above it are four times 5 us."""
    text = module("guests_page").guests(measured(module, empty=5.0, rust=10.0, go=25.0))
    row = next(line for line in text.splitlines() if line.startswith("| `go`"))
    assert row.split(" | ")[1:4] == ["25 (25..25)", "20", "4.00"]


def test_what_was_not_measured_is_named(module: Any) -> None:  # noqa: ANN401
    """It has no row."""
    text = module("guests_page").guests(measured(module, empty=5.0, rust=10.0))
    assert text.splitlines()[-1] == (
        "Not measured, because the compiler is not installed: "
        "`by-hand`, `rust-trimmed`, `go`, `assemblyscript`."
    )


def test_without_rust_there_is_nothing_to_compare_with(module: Any) -> None:  # noqa: ANN401
    """The figures themselves are shown."""
    text = module("guests_page").guests(measured(module, empty=5.0, go=25.0))
    row = next(line for line in text.splitlines() if line.startswith("| `go`"))
    assert row.split(" | ")[1:4] == ["25 (25..25)", "20", ""]


def test_results_without_guests_say_how_to_measure_them(module: Any) -> None:  # noqa: ANN401
    """Instead of tables."""
    page = module("guests_page")
    assert "`nox -s bench -- --only guests`" in page.guests([])
    assert "`nox -s bench -- --only guests.served`" in page.served([])


def test_envoy_is_compared_with_wasmgate(module: Any) -> None:  # noqa: ANN401
    """In all, and in what a guest adds to the empty one."""
    cpu = {("empty", "wasmgate"): 10, ("empty", "envoy"): 30}
    cpu |= {("go", "wasmgate"): 20, ("go", "envoy"): 50}
    summary = module("results").summary
    made = [
        summary(
            "guests.served", f"{guest} in {gateway}", metric, [us], guest=guest, gateway=gateway
        )
        for (guest, gateway), us in cpu.items()
        for metric in ("cpu", "rss")
    ]
    row = module("guests_page").served(made).splitlines()[-1]
    assert row.split(" | ")[1:] == [
        "20 (20..20)",
        "50 (50..50)",
        "2.50",
        "10",
        "20",
        "20",
        "50 |",
    ]


def test_all_guests_have_a_row(module: Any) -> None:  # noqa: ANN401
    """The page knows the names of those that are measured."""
    names = module("guests").GUESTS
    text = module("guests_page").guests(measured(module, **dict.fromkeys(names, 7.0)))
    assert {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")} == {*names}


def test_a_guest_that_cannot_be_built_is_left_out_with_the_reason(
    module: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The others are measured."""
    tool = tmp_path / "build.py"
    tool.write_text(
        "import sys\n"
        "if sys.argv[1] == 'stamp-go': sys.exit(print('Go is too old', file=sys.stderr) or 3)\n"
        "print('/built')\n",
        "utf-8",
    )
    guests, progress = module("guests"), Progress()
    monkeypatch.setattr(guests, "_TOOL", tool)
    with progress.console.capture() as said:
        found = guests.built(tmp_path, progress)
    assert (set(guests.GUESTS) - set(found), said.get()) == (
        {"go"},
        "skipped guest go: Go is too old\n",
    )
