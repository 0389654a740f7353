"""All fourteen modules of `gpustack-higress-plugins` load, start and take their configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.middleware.asgi_server import get
from tests.modules.higress import Model, modules, plugin
from wasmgate import PolicyLoadError, PolicyMiddleware

# The benchmarks load the modules with them, too.
CONFIGURATIONS = json.loads(Path(__file__).with_name("higress.json").read_text("utf-8"))

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
