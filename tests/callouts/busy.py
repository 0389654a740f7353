"""A policy that computes for long, beside one that calls out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.callouts.places import REQUEST
from tests.native.callout_guests import CONTINUE, Texts, caller
from wasmgate import GatewayConfig

if TYPE_CHECKING:
    from pathlib import Path

COMPUTES = 600
"""Milliseconds that the policy computes in a request."""


def computing(folder: Path) -> Path:
    """Write a policy that computes in each request, by the clock."""
    body = f"""(drop (call $time (i32.const 96)))
        (global.set $until (i64.add (i64.load (i32.const 96)) (i64.const {COMPUTES * 1_000_000})))
        (loop $again
          (drop (call $time (i32.const 96)))
          (global.set $n (i32.const 1000))
          (loop $spin
            (global.set $n (i32.sub (global.get $n) (i32.const 1)))
            (br_if $spin (global.get $n)))
          (br_if $again (i64.lt_u (i64.load (i32.const 96)) (global.get $until))))"""
    module = folder / "computing.wasm"
    module.write_bytes(caller(Texts(), REQUEST, body, answer=CONTINUE))
    return module


def routed(asking: Path, computing: Path, auth: str, site: str) -> GatewayConfig:
    """Send /compute through the policy that computes, all else through the one that asks."""
    limits: dict[str, Any] = {"fuel": 20_000_000_000, "step_fuel": 40_000_000_000}
    return GatewayConfig.model_validate(
        {
            "policies": {
                "guest": {"module": str(asking), "capabilities": {"net": ["auth"]}},
                "computing": {"module": str(computing), "limits": limits},
            },
            "clusters": {"site": {"endpoints": [site]}, "auth": {"endpoints": [auth]}},
            "routes": [
                {"match": {"prefix": "/compute"}, "cluster": "site", "policies": ["computing"]},
                {"match": {"prefix": "/"}, "cluster": "site", "policies": ["guest"]},
            ],
        }
    )
