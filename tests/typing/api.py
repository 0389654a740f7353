"""Never run: what the type checkers must accept of the public names."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from wasmgate import (
    CalloutLimits,
    Capabilities,
    ConfigError,
    FailurePolicy,
    Gateway,
    Isolation,
    Limits,
    OutOfFuel,
    Policy,
    PolicyError,
    PolicyMiddleware,
    Tenants,
    UpstreamError,
    WasmgateError,
)
from wasmgate.config import GatewayConfig, Route, load, warnings
from wasmgate.replay import replay
from wasmgate.testing import FakeExchange, PolicyHost, Request, Response

policy = Policy(
    Path("own.wasm"),
    name="own",
    configuration={"deny": ["/admin"], "nested": {"a": [1, None, True]}},
    limits=Limits(fuel=1_000_000, memory=16 * 1024**2),
    capabilities=Capabilities(env=("API_KEY",), net=("auth",), read=("keys/", Path("plans.json"))),
    isolation=Isolation.TENANT,
    tenants=Tenants(header="x-tenant", idle=60),
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


async def lookup(arguments: bytes) -> bytes:
    """Answer later."""
    return arguments


Gateway(config, foreign_functions={"acme.lookup": lookup})
PolicyMiddleware(
    Gateway.from_file("gateway.yaml"),
    policies=[policy],
    clusters={"auth": "http://127.0.0.1:9001"},
    foreign_functions={"acme.lookup": lookup, "acme.upper": bytes.upper},
    callout_limits=CalloutLimits(in_flight=9, time=5),
)

exchange = PolicyHost().start(policy).request("POST", "/", headers={"a": "b"}, body=[b"a", b"b"])
assert_type(exchange, FakeExchange)
assert_type(exchange.request, Request | None)
assert_type(exchange.respond(204), Response | None)
assert_type(replay("denied.json").differences, list[str])


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
