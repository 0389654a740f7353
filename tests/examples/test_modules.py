"""The small modules of the demo, kept as text beside their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

MODULES = Path(__file__).parents[2] / "examples" / "gateway" / "modules"
NAMES = sorted(path.stem for path in MODULES.glob("*.wat"))


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_what_its_text_says(name: str) -> None:
    """Every binary in the tree can be built from its source."""
    text = (MODULES / f"{name}.wat").read_text("utf-8")
    assert (MODULES / f"{name}.wasm").read_bytes() == bytes(wasmtime.wat2wasm(text))


def test_every_module_has_its_text() -> None:
    """And no text is without a module."""
    assert sorted(path.stem for path in MODULES.glob("*.wasm")) == NAMES
