"""Never run: what the type checkers must accept of the public names."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from wasmgate import (
    Capabilities,
    ConfigError,
    FailurePolicy,
    Limits,
    OutOfFuel,
    Policy,
    PolicyError,
    UpstreamError,
    WasmgateError,
)
from wasmgate.config import GatewayConfig, Route, load, warnings

policy = Policy(
    Path("own.wasm"),
    name="own",
    configuration={"deny": ["/admin"], "nested": {"a": [1, None, True]}},
    limits=Limits(fuel=1_000_000, memory=16 * 1024**2),
    capabilities=Capabilities(env=("API_KEY",)),
    failure_policy=FailurePolicy.OPEN,
    strip_request_headers=("x-user",),
)
assert_type(policy.configuration_bytes, bytes)
assert_type(policy.environment(), dict[str, str])
Policy("jwt_auth", configuration=b"\x00")
Policy("jwt_auth", configuration="text")

config = load("gateway.yaml")
assert_type(config, GatewayConfig)
assert_type(config.routes, tuple[Route, ...])
assert_type(config.routes[0].timeout, float | None)
assert_type(config.to_policies(), dict[str, Policy])
assert_type(warnings(config, workers=2), list[str])


def handled(error: WasmgateError) -> str:
    """Narrow an error by its class."""
    match error:
        case OutOfFuel():
            return assert_type(error.policy, str)
        case PolicyError():
            return error.policy
        case UpstreamError():
            return f"{error.endpoint} {assert_type(error.retryable, bool)}"
        case ConfigError():
            return "\n".join(assert_type(error.problems, tuple[str, ...]))
    return assert_type(error.diagnostics(), str)
