"""gpustack-ip-acl: who may come from where, by the consumer that authentication found."""

from __future__ import annotations

import json

import pytest

from tests.middleware.asgi_server import get
from tests.modules.higress import Model, plugin
from wasmgate import PolicyMiddleware

RULES = {
    "consumers": {
        "alice": {"allowedCidrs": ["192.0.2.0/24"], "deniedCidrs": ["192.0.2.200"]},
        "*-ci": {"deniedCidrs": ["192.0.2.0/24"]},
    }
}

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("consumer", "address", "status"),
    [
        ("alice", "192.0.2.1", 200),
        ("alice", "192.0.2.200", 403),
        ("alice", "198.51.100.1", 403),
        ("build-ci", "192.0.2.1", 403),
        ("build-ci", "198.51.100.1", 200),
        ("nobody", "198.51.100.1", 200),
    ],
)
async def test_a_consumer_may_come_from(consumer: str, address: str, status: int) -> None:
    """An allowed range except a denied part; a wildcard; a name without a rule."""
    model = Model(b"{}")
    wrapped = PolicyMiddleware(model, policies=[plugin("gpustack-ip-acl", RULES)])
    answer = await get(wrapped, "/", [(b"x-mse-consumer", consumer.encode())], address)
    assert (answer.status, len(model.seen)) == (status, int(status == 200))


async def test_a_refusal_says_why() -> None:
    """As JSON."""
    wrapped = PolicyMiddleware(Model(), policies=[plugin("gpustack-ip-acl", RULES)])
    answer = await get(wrapped, "/", [(b"x-mse-consumer", b"build-ci")])
    assert "IP" in json.dumps(json.loads(answer.body))
    assert b"application/json" in dict(answer.start["headers"])[b"content-type"]
