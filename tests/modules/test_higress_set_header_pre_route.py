"""gpustack-set-header-pre-route: the route's name as a header, for some paths."""

from __future__ import annotations

import pytest

from tests.middleware.asgi_server import get
from tests.modules.higress import CHAT, Model, plugin
from wasmgate import PolicyMiddleware

RULES = {"routeNameHeader": "x-route", "enableOnPathPrefix": ["/model/"]}

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("target", "route"),
    [(CHAT, "ai-chat"), ("/model/7?x=/completions", "ai-chat"), ("/pages", None)],
)
async def test_the_name_of_the_route(target: str, route: str | None) -> None:
    """By the end of the path, or by its beginning; the query does not count."""
    model = Model(b"{}")
    policies = [plugin("gpustack-set-header-pre-route", RULES)]
    await get(PolicyMiddleware(model, policies=policies, route_name="ai-chat"), target)
    assert model.seen[0][1].get("x-route") == route
