"""gpustack-lb in a gateway: an instance that cannot be reached gets no requests for a while."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import FORMS, ask, serve
from tests.modules.higress import CHAT, written
from wasmgate import Gateway, GatewayConfig

INSTANCE = "model-2-1.static"
SETTINGS: dict[str, dict[str, Any]] = {
    "context": {"candidates": [{"cluster": INSTANCE}], "health": {"failOpen": False}},
    "finisher": {"health": {"unhealthyThreshold": 3, "cooldownMs": 60_000}},
}

pytestmark = [pytest.mark.timeout(300), pytest.mark.parametrize("http", FORMS.values(), ids=FORMS)]


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


async def statuses(url: str, http: Any) -> list[int]:  # noqa: ANN401 (uvicorn's)
    """Ask five times."""
    async with serve(gateway(url), http=http) as port:
        return [(await ask(port, CHAT.encode())).status for _ in range(5)]


async def test_it_cannot_be_reached(http: Any) -> None:  # noqa: ANN401
    """Three requests fail; then it is out, which `response.flags` told the policy."""
    async with ScriptedUpstream() as instance:
        url = instance.url
    assert await statuses(url, http) == [502, 502, 502, 503, 503]


async def test_it_answers(http: Any) -> None:  # noqa: ANN401
    """And stays."""
    async with ScriptedUpstream() as instance:
        assert await statuses(instance.url, http) == [200] * 5
