"""Limits in a `PolicyMiddleware`: several of one name, and limits of users that no policy names."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.middleware.apps import echo
from tests.middleware.asgi_server import get
from wasmgate import Policy, PolicyMiddleware, policies

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp

LIMITS = ({"limit": "1000/day"}, {"limit": "10/minute"}, {"limit": "10/minute"})


async def statuses(app: ASGIApp, times: int) -> list[int]:
    """Send requests and return their statuses."""
    return [(await get(app)).status for _ in range(times)]


@pytest.mark.parametrize("limits", [LIMITS[:2], LIMITS[1:], LIMITS])
async def test_limits_of_one_name_count_apart(limits: tuple[dict[str, Any], ...]) -> None:
    """Each has its own buckets, also if they are equal."""
    app = PolicyMiddleware(echo, policies=[policies.rate_limit(**its) for its in limits])
    assert await statuses(app, 11) == [200] * 10 + [429]


@pytest.mark.parametrize(
    ("others", "warnings"), [([], 1), ([policies.rewrite(host="b")], 1), ([None], 0)]
)
def test_a_limit_of_users_that_no_policy_names_is_told(
    others: list[Policy | None], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """At start, with what to write; behind jwt_auth all is well."""
    secret = {"secret": "0123456789abcdef0123456789abcdef"}
    auth = policies.jwt_auth(algorithms=["HS256"], keys=secret)
    chain = [other or auth for other in others]
    with caplog.at_level(logging.WARNING, logger="wasmgate.policy"):
        PolicyMiddleware(echo, policies=[*chain, policies.rate_limit(limit="1/day", key="user")])
    said = [text for text in caplog.messages if "counts by user" in text]
    assert len(said) == warnings
    assert all("put jwt_auth before it" in text for text in said)
