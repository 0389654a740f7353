"""An application's functions, called by policies in an app and in a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from wasmgate import Capabilities, Gateway, GatewayConfig, Policy, PolicyMiddleware

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp, Receive, Scope, Send

MODULE = Path(__file__).parent / "fixtures" / "hostcalls.wasm"
PROGRAM = "request_headers: foreign acme.it 6869"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def status(served: ASGIApp) -> int:
    """Ask once."""
    transport = httpx.ASGITransport(served)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        return (await client.get("/")).status_code


async def test_a_policy_in_an_app_calls_a_function() -> None:
    """With its arguments, in the request's own callback."""
    called: list[bytes] = []

    def it(arguments: bytes) -> bytes:
        called.append(arguments)
        return b""

    policy = Policy(
        MODULE, configuration=PROGRAM, capabilities=Capabilities(foreign_functions=("acme.it",))
    )
    served = PolicyMiddleware(app, policies=[policy], foreign_functions={"acme.it": it})
    assert (await status(served), called) == (200, [b"hi"])


async def test_a_policy_without_the_capability_does_not() -> None:
    """The request goes on: to the policy the function is not there."""
    called: list[bytes] = []

    def it(arguments: bytes) -> bytes:
        called.append(arguments)
        return b""

    policy = Policy(MODULE, configuration=PROGRAM)
    served = PolicyMiddleware(app, policies=[policy], foreign_functions={"acme.it": it})
    assert (await status(served), called) == (200, [])


async def test_a_policy_in_a_gateway_calls_a_function() -> None:
    """The same, with the capability in the configuration."""
    called: list[bytes] = []

    def it(arguments: bytes) -> bytes:
        called.append(arguments)
        return b""

    config = GatewayConfig.model_validate(
        {
            "policies": {
                "own": {
                    "module": str(MODULE),
                    "configuration": PROGRAM,
                    "capabilities": {"foreign_functions": ["acme.it"]},
                }
            },
            "clusters": {"site": {"endpoints": ["http://127.0.0.1:9"]}},
            "routes": [{"match": {"prefix": "/"}, "cluster": "site", "policies": ["own"]}],
        }
    )
    gateway = Gateway(
        config,
        transports={"site": httpx.ASGITransport(app)},
        foreign_functions={"acme.it": it},
    )
    assert (await status(gateway), called) == (200, [b"hi"])
