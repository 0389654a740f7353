"""All fourteen modules of `gpustack-higress-plugins` load, start and take their configuration."""

from __future__ import annotations

import pytest

from tests.middleware.asgi_server import get
from tests.modules.higress import Model, modules, plugin
from wasmgate import PolicyLoadError, PolicyMiddleware

ENDPOINT = {"service_name": "gpustack.static", "service_port": 80, "path": "/token-auth"}
CONFIGURATIONS = {
    "ai-data-masking": {"deny_words": ["secret"]},
    "ai-statistics": {},
    "gpustack-ai-proxy": {"provider": {"type": "openai", "apiTokens": ["sk-1"]}},
    "gpustack-ext-auth": {"authz": {"endpoint": ENDPOINT}},
    "gpustack-generic-proxy-router": {},
    "gpustack-ip-acl": {"consumers": {}},
    "gpustack-lb": {"mode": "finisher"},
    "gpustack-lb-decision-service": {},
    "gpustack-lb-least-load": {},
    "gpustack-lb-session-affinity": {"sessionKeys": [{"header": "x-session"}]},
    "gpustack-rate-limit": {"rule_name": "r"},
    "gpustack-set-header-pre-route": {"routeNameHeader": "x-route"},
    "gpustack-token-usage": {},
    "transformer": {"reqRules": [{"operate": "remove", "headers": [{"key": "x-a"}]}]},
}

# From a cold cache each takes some seconds to compile.
pytestmark = pytest.mark.timeout(300)


def test_these_are_all() -> None:
    """A module that a newer package adds is wanted here, too."""
    assert set(CONFIGURATIONS) == set(modules())


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_it_starts_and_lets_a_request_pass(name: str) -> None:
    """In the dialect of Higress; a request that is not its business reaches the app."""
    model = Model(b"{}")
    wrapped = PolicyMiddleware(model, policies=[plugin(name, CONFIGURATIONS[name])])
    answer = await get(wrapped, "/healthz")
    assert wrapped.plugins[0].abi == "0.2.100"
    assert (answer.status, answer.body, len(model.seen)) == (200, b"{}", 1)


def test_a_configuration_that_a_module_refuses_is_refused_at_start() -> None:
    """With the module's own words."""
    with pytest.raises(PolicyLoadError, match="transformer rule not exist in yaml"):
        PolicyMiddleware(Model(), policies=[plugin("transformer", {})])
