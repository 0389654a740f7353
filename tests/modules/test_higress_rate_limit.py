"""gpustack-rate-limit: limits that several gateways share, counted by a script in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.middleware.asgi_server import get
from tests.modules.higress import CHAT, Model, plugin
from tests.modules.redis_server import redis_server
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REDIS = "limits.dns"
RULES = {
    "rule_name": "chat",
    "redis": {"service_name": REDIS, "service_port": 6379, "timeout": 2000},
    "rejected_code": 429,
    "rejected_msg": "later",
    "limit_combinations": [
        {
            "name": "by-consumer",
            "match": [{"source": "consumer", "value": "*"}],
            "query_limits": {"per_hour": 2},
        }
    ],
}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one server for all tests: each has consumers of its own."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with redis_server(folder) as port:
        yield f"http://127.0.0.1:{port}"


def gate(model: Model, redis: str) -> PolicyMiddleware:
    """Make one of several gateways."""
    policies = [plugin("gpustack-rate-limit", RULES, net=[REDIS])]
    return PolicyMiddleware(model, policies=policies, clusters={REDIS: redis})


async def statuses(wrapped: PolicyMiddleware, consumer: bytes, times: int) -> list[int]:
    """Ask as one consumer."""
    headers = [(b"x-mse-consumer", consumer)]
    return [(await get(wrapped, CHAT, headers)).status for _ in range(times)]


async def test_the_third_of_two_is_refused(redis: str) -> None:
    """Another consumer is not."""
    model = Model(b"{}")
    wrapped = gate(model, redis)
    assert await statuses(wrapped, b"ada", 3) == [200, 200, 429]
    assert await statuses(wrapped, b"bob", 1) == [200]
    assert len(model.seen) == 3


async def test_two_gateways_count_together(redis: str) -> None:
    """What one has let pass, the other knows."""
    one, two = gate(Model(b"{}"), redis), gate(Model(b"{}"), redis)
    assert await statuses(one, b"cyd", 2) == [200, 200]
    assert await statuses(two, b"cyd", 1) == [429]


async def test_without_redis_requests_pass() -> None:
    """The plugin chose to fail open."""
    wrapped = gate(Model(b"{}"), "http://127.0.0.1:9")
    assert await statuses(wrapped, b"dan", 3) == [200, 200, 200]
