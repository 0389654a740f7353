"""Policies of the guest whose configuration is a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wasmgate import Policy

MODULE = Path(__file__).parents[1] / "fixtures" / "hostcalls.wasm"


def guest(*program: str, name: str = "guest", **options: Any) -> Policy:  # noqa: ANN401 (Policy's)
    """Make a policy that does what the program says, a hostcall a line."""
    return Policy(MODULE, name=name, configuration="\n".join(program), **options)
