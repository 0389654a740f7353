"""gpustack-lb in a gateway: an instance that cannot be reached gets no requests for a while."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import ask, both_forms, serve
from tests.modules.higress import CHAT, written
from wasmgate import Gateway, GatewayConfig

INSTANCE = "model-2-1.static"
SETTINGS: dict[str, dict[str, Any]] = {
    "context": {"candidates": [{"cluster": INSTANCE}], "health": {"failOpen": False}},
    "finisher": {"health": {"unhealthyThreshold": 3, "cooldownMs": 60_000}},
}

pytestmark = [pytest.mark.timeout(300), both_forms]


def gateway(url: str) -> Gateway:
    """Make a gateway with one instance."""
    policies = {
        mode: written("gpustack-lb", {"mode": mode} | its) | {"vm_id": "balancer"}
        for mode, its in SETTINGS.items()
    }
    config = {
        "policies": policies,
        "clusters": {INSTANCE: {"endpoints": [url]}},
        "routes": [{"match": {"prefix": "/"}, "policies": list(policies), "cluster": INSTANCE}],
    }
    return Gateway(GatewayConfig.model_validate(config))


async def statuses(url: str) -> list[int]:
    """Ask five times."""
    async with serve(gateway(url)) as port:
        return [(await ask(port, CHAT.encode())).status for _ in range(5)]


async def test_it_cannot_be_reached() -> None:
    """Three requests fail; then it is out, which `response.flags` told the policy."""
    async with ScriptedUpstream() as instance:
        url = instance.url
    assert await statuses(url) == [502, 502, 502, 503, 503]


async def test_it_answers() -> None:
    """And stays."""
    async with ScriptedUpstream() as instance:
        assert await statuses(instance.url) == [200] * 5
