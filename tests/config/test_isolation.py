"""Tenants, and policies that routes configure, in gateway.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmgate import Isolation, Tenants
from wasmgate.config import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.config.conftest import Write

REST = "clusters: {site: {endpoints: ['http://127.0.0.1:9001']}}\n"
ROUTE = "routes: [{match: {prefix: /}, cluster: site, policies: [%s]}]\n"


def test_tenants_are_read_with_their_units(write: Write) -> None:
    """Seconds, as everywhere."""
    text = (
        "policies: {limit: {module: rate_limit, isolation: tenant,"
        " tenants: {property: wasmgate.user, max: 9, idle: 2m}}}\n"
    )
    policy = load(write(text + REST + ROUTE % "limit")).to_policies()["limit"]
    assert (policy.isolation, policy.tenants) == (
        Isolation.TENANT,
        Tenants(property="wasmgate.user", max=9, idle=120.0),
    )


def test_a_route_configures_a_policy(write: Write) -> None:
    """The rest of it is the policy's; its name stands in the order of the route."""
    text = "policies: {auth: {module: rewrite}, limit: {module: rate_limit, vm_id: all}}\n"
    own = "auth, {limit: {configuration: {limit: 1/minute}}}"
    config = load(write(text + REST + ROUTE % own))
    configured = config.configured_by(config.routes[0])
    assert config.policies_of(config.routes[0]) == ("auth", "limit")
    assert {name: (its.vm_id, its.configuration_bytes) for name, its in configured.items()} == {
        "limit": ("all", b'{"limit":"1/minute"}')
    }


def test_a_file_in_the_configuration_of_a_route_becomes_its_text(write: Write) -> None:
    """As in that of a policy."""
    path = write(
        "policies: {limit: {module: rate_limit}}\n"
        + REST
        + ROUTE % "{limit: {configuration: {key: {file: key.txt}}}}"
    )
    (path.parent / "key.txt").write_text("secret", "utf-8")
    config = load(path)
    configured = config.configured_by(config.routes[0])
    assert configured["limit"].configuration_bytes == b'{"key":"secret"}'


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("isolation: thread", "isolation: must be 'policy' or 'tenant'"),
        ("isolation: tenant, vm_id: a", "vm_id lets policies share a VM"),
        ("tenants: {header: x}", "tenants needs isolation: tenant"),
        (
            "isolation: tenant, tenants: {header: x, property: y}",
            "tenants: must name a header or a property, not both",
        ),
    ],
)
def test_what_contradicts_itself_is_a_mistake(
    policy: str, said: str, mistakes: Callable[[str], list[str]]
) -> None:
    """With its line and its key."""
    text = "policies: {limit: {module: rate_limit, " + policy + "}}\n" + REST + ROUTE % "limit"
    found = mistakes(text)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("{limt: {configuration: 1}}", "no policy is named 'limt' (did you mean 'limit'?)"),
        ("{limit: {configuration: 1}, x: null}", "must be a policy's name, or one name"),
        ("7", "must be a policy's name, or one name"),
        ("{limit: {}}", "policies[0].limit.configuration: is required"),
        ("{limit: {config: 1, configuration: 1}}", "policies[0].limit.config: unknown key"),
    ],
)
def test_a_policy_of_a_route_that_cannot_be_is_a_mistake(
    named: str, said: str, mistakes: Callable[[str], list[str]]
) -> None:
    """With its line and its key."""
    found = mistakes("policies: {limit: {module: rate_limit}}\n" + REST + ROUTE % named)
    assert any(said in line for line in found), found
