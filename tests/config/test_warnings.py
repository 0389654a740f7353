"""Warnings: what runs but is probably not meant."""

from __future__ import annotations

from typing import Any

import pytest

from wasmgate.config import GatewayConfig, warnings

CLUSTERS = {"a": {"endpoints": ["http://127.0.0.1:9001"]}}


def gateway(*matches: dict[str, Any], **more: Any) -> GatewayConfig:  # noqa: ANN401
    """Return a configuration with a route for each match."""
    routes = [{"match": match, "cluster": "a"} for match in matches]
    return GatewayConfig.model_validate({"clusters": CLUSTERS, "routes": routes} | more)


LIMITED = {
    "policies": {"limit": {"module": "rate_limit"}},
    "default_policies": ["limit"],
}


def test_limits_multiply_with_workers() -> None:
    """Each process has its own counters."""
    (warning,) = warnings(gateway({"prefix": "/"}, **LIMITED), workers=4)
    assert warning == (
        "policies.limit: each of the 4 workers has its own counters, so clients get up to 4 times "
        "the limit; run one worker, or divide it"
    )


def test_one_worker_counts_right() -> None:
    """No warning then."""
    assert warnings(gateway({"prefix": "/"}, **LIMITED), workers=1) == []


CAPABILITIES = {"foreign_functions": ["wasmgate.limits.hit"], "net": ["auth"]}
CALLING = {
    "clusters": CLUSTERS | {"auth": {"endpoints": ["http://127.0.0.1:9002"]}},
    "policies": {"own": {"module": "rewrite", "capabilities": CAPABILITIES}},
    "default_policies": ["own"],
}


def test_shared_limits_in_memory_are_not_shared_by_workers() -> None:
    """A storage outside of them is what they share."""
    (warning,) = warnings(gateway({"prefix": "/"}, **CALLING), workers=4)
    assert warning == (
        "policies.own: each of the 4 workers has its own counters; "
        "name a storage that they share in limits.storage, such as redis://"
    )
    shared = gateway({"prefix": "/"}, **CALLING, limits={"storage": "redis://127.0.0.1:6379"})
    assert warnings(shared, workers=4) == []


def test_a_cluster_that_a_policy_calls_is_used() -> None:
    """Though no route leads there."""
    assert warnings(gateway({"prefix": "/"}, **CALLING)) == []


def test_other_policies_do_not_count() -> None:
    """They are no worse with several workers."""
    config = gateway(
        {"prefix": "/"}, policies={"auth": {"module": "jwt_auth"}}, default_policies=["auth"]
    )
    assert warnings(config, workers=4) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"prefix": "/"}, {"prefix": "/a"}),
        ({"prefix": "/"}, {"host": "h", "prefix": "/"}),
        ({"host": "h", "prefix": "/a/"}, {"host": "h", "prefix": "/a/b"}),
        ({"prefix": "/a"}, {"prefix": "/a"}),
    ],
)
def test_a_route_that_is_never_taken_is_named(
    first: dict[str, str], second: dict[str, str]
) -> None:
    """In the order of the file the first that matches is taken, and here it always does."""
    (warning,) = warnings(gateway(first, second, route_order="file"))
    assert warning.startswith("routes[1] (")


def test_two_routes_for_the_same_requests_are_named() -> None:
    """Of two that are equally specific the first in the file is taken."""
    asks = {"prefix": "/", "headers": {"x-tier": "gold"}}
    (warning,) = warnings(gateway(asks, asks))
    assert warning.startswith("routes[1] (/) is never taken: routes[0] (/)")
    assert warnings(gateway({"prefix": "/"}, asks)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"prefix": "/a/"}, {"prefix": "/"}),
        ({"host": "h", "prefix": "/"}, {"prefix": "/"}),
        ({"host": "h", "prefix": "/"}, {"host": "i", "prefix": "/"}),
    ],
)
def test_a_route_that_can_be_taken_is_fine(first: dict[str, str], second: dict[str, str]) -> None:
    """The narrower one comes first."""
    assert warnings(gateway(first, second)) == []


def test_what_no_route_uses_is_named() -> None:
    """A policy that protects nothing is the worst kind of unused."""
    config = gateway(
        {"prefix": "/"},
        clusters=CLUSTERS | {"b": {"endpoints": ["http://127.0.0.1:9002"]}},
        policies={"auth": {"module": "jwt_auth"}},
    )
    assert warnings(config) == [
        "clusters.b: no route and no policy uses it",
        "policies.auth: neither a route nor `background` uses it",
    ]


AUTH = {"module": "jwt_auth", "configuration": {"algorithms": ["RS256"], "keys": ""}}
BY_USER = {"module": "rate_limit", "configuration": {"limit": "1/day", "key": "user"}}
BY_ADDRESS = {"module": "rate_limit", "configuration": {"limit": "1/day"}}


def by_user(*chain: object) -> list[str]:
    """Return what is said about a route with these policies."""
    policies = {"auth": AUTH, "limit": BY_USER, "own": {"module": "./own.wasm"}, "open": BY_ADDRESS}
    routes = [{"match": {"prefix": "/"}, "cluster": "a", "policies": list(chain)}]
    config = {"clusters": CLUSTERS, "routes": routes, "policies": policies}
    said = warnings(GatewayConfig.model_validate(config))
    return [warning for warning in said if "counts by user" in warning]


@pytest.mark.parametrize("chain", [("limit",), ("limit", "auth"), ("open", "limit")])
def test_a_limit_of_users_that_nobody_names_is_told(chain: tuple[str, ...]) -> None:
    """With the policy that should stand before it."""
    (warning,) = by_user(*chain)
    named = "'auth'" if "auth" in chain else "jwt_auth"
    assert warning.startswith("routes[0] (/): policy 'limit' counts by user (key: user), and no")
    assert f"put {named} before it" in warning


@pytest.mark.parametrize("chain", [("auth", "limit"), ("own", "limit"), ("open",)])
def test_a_limit_of_users_that_a_policy_may_name_is_fine(chain: tuple[str, ...]) -> None:
    """A module of one's own may store the user."""
    assert by_user(*chain) == []


def test_a_limit_that_a_route_sets_to_users_is_told() -> None:
    """The route's configuration counts."""
    own = {"open": {"configuration": {"limit": "1/day", "key": "user"}}}
    assert len(by_user(own)) == 1
