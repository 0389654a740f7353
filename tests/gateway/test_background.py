"""Policies run before the first request, and beside the requests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.calling import call
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import both_forms, configuration, serve
from wasmgate import Policy, PolicyMiddleware
from wasmgate.errors import ConfigError
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from wasmgate._asgi import Receive, Scope, Send

MODULE = Path(__file__).parents[1] / "fixtures" / "hostcalls.wasm"
TICKS = "configure: tick_period 10"


@pytest.fixture(autouse=True)
def _cache(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the guest once."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))


def beside(*program: str, **more: object) -> dict[str, Any]:
    """Configure a policy that no route has."""
    policy = {"module": str(MODULE), "configuration": "\n".join(program)}
    return {"policies": {"beside": policy, **more}, "background": ["beside"]}


async def until_said(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Wait until a policy has said it."""
    while all(text not in record.getMessage() for record in caplog.records):
        await asyncio.sleep(0.005)


@both_forms
async def test_a_policy_of_no_route_ticks_without_a_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It starts with the server."""
    caplog.set_level(5, logger="wasmgate.policy")
    async with (
        asyncio.timeout(30),
        serve(Gateway(configuration("http://127.0.0.1:1", **beside(TICKS)))),
    ):
        await until_said(caplog, "tick 1")


@both_forms
async def test_a_callout_at_the_start_goes_out_before_the_first_request() -> None:
    """So keys are there when a request needs them."""
    async with asyncio.timeout(30), ScriptedUpstream() as upstream:
        changes = beside("configure: http_call site")
        changes["policies"]["beside"]["capabilities"] = {"net": ["site"]}
        async with serve(Gateway(configuration(upstream.url, **changes))):
            while not upstream.peers:
                await asyncio.sleep(0.005)


async def test_without_lifespan_policies_start_with_the_first_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All of them, also those of no route."""
    caplog.set_level(5, logger="wasmgate.policy")
    async with asyncio.timeout(30), ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url, **beside(TICKS)))
        await call(gateway, [])
        await until_said(caplog, "tick 1")


async def test_a_policy_that_a_reload_brings_starts_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """On every loop that serves."""
    caplog.set_level(5, logger="wasmgate.policy")
    gateway = Gateway(configuration("http://127.0.0.1:1"))
    async with asyncio.timeout(30), serve(gateway):
        await gateway.reload(configuration("http://127.0.0.1:1", **beside(TICKS)))
        await until_said(caplog, "tick 1")


async def test_a_policy_that_nothing_names_does_not_run(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a route nor `background`."""
    caplog.set_level(5, logger="wasmgate.policy")
    idle = {"module": str(MODULE), "configuration": "configure: tick_period 20"}
    changes = beside(TICKS, idle=idle)
    async with asyncio.timeout(30), serve(Gateway(configuration("http://127.0.0.1:1", **changes))):
        caplog.clear()
        for _ in range(5):
            await until_said(caplog, "tick 1")
            # What is said of compiling comes when it comes, and not from a policy.
            said = {record.name for record in caplog.records} - {"wasmgate.policy"}
            caplog.clear()
            assert said == {"wasmgate.policy.beside"}


def test_a_policy_in_the_background_must_be_there() -> None:
    """With a guess."""
    with pytest.raises((ConfigError, ValueError), match="no policy is named 'besides'"):
        configuration("http://127.0.0.1:1", **(beside(TICKS) | {"background": ["besides"]}))


async def test_policies_of_an_app_start_with_it(caplog: pytest.LogCaptureFixture) -> None:
    """Before the app's own start."""
    caplog.set_level(5, logger="wasmgate.policy")
    order: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        order.append(scope["type"])
        order.extend(record.getMessage().split()[0] for record in caplog.records)
        await send({"type": "lifespan.startup.complete"})

    policy = Policy(MODULE, name="beside", configuration=TICKS)
    middleware = PolicyMiddleware(app, policies=[policy])
    caplog.clear()
    sent: list[object] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        sent.append(message)

    await middleware({"type": "lifespan"}, receive, send)
    assert (order[0], "configure" in order, len(sent)) == ("lifespan", True, 1)
    async with asyncio.timeout(30):
        await until_said(caplog, "tick 1")
