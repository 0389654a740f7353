"""Routes that configure a policy themselves, and policies with a VM for each tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.serving import Client, both_forms, configuration, serve
from wasmgate._native import Host
from wasmgate.errors import PolicyLoadError
from wasmgate.gateway import Gateway
from wasmgate.gateway.deployment import Deployment

if TYPE_CHECKING:
    from wasmgate.config import GatewayConfig

NO_UPSTREAM = "http://127.0.0.1:1"
LIMIT: dict[str, Any] = {
    "module": "rate_limit",
    "configuration": {"limit": "1/hour", "key": "address"},
}


def limited(own: object, **policy: object) -> GatewayConfig:
    """Make a gateway whose route /own configures the limit itself."""
    return configuration(
        NO_UPSTREAM,
        policies={"limit": LIMIT | policy},
        routes=[
            {
                "match": {"prefix": "/own"},
                "cluster": "site",
                "policies": [{"limit": {"configuration": own}}],
            },
            {"match": {"prefix": "/"}, "cluster": "site", "policies": ["limit"]},
        ],
    )


async def statuses(port: int, target: bytes, *hosts: bytes) -> list[int]:
    """Return the statuses of a request to each host: 502 for one that was let pass."""
    found = []
    for host in hosts:
        async with Client(port) as client:
            await client.send(b"GET %b HTTP/1.1\r\nhost: %b\r\naccept: x\r\n\r\n" % (target, host))
            found.append((await client.reply()).status)
    return found


@both_forms
async def test_a_route_configures_a_policy() -> None:
    """Its requests pass that configuration, those of others the policy's own."""
    # Buckets are shared data, which is the policy's: another key makes them others.
    own = {"limit": "3/hour", "key": {"header": "accept"}}
    async with serve(Gateway(limited(own))) as port:
        on_own = await statuses(port, b"/own", b"a", b"a", b"a", b"a")
        on_other = await statuses(port, b"/", b"a", b"a")
    assert (on_own, on_other) == ([502, 502, 502, 429], [502, 429])


async def test_a_configuration_that_is_refused_names_its_route() -> None:
    """When the gateway is made."""
    with pytest.raises(PolicyLoadError, match="route '/own': policy 'limit'") as caught:
        Gateway(limited({"limit": "many"}))
    assert caught.value.policy == "limit"


async def test_what_a_route_configures_survives_a_reload() -> None:
    """As long as it is the same, and the policy is."""
    host = Host()
    first = Deployment(limited({"limit": "3/hour", "key": "address"}), host)
    same = Deployment(limited({"limit": "3/hour", "key": "address"}), host, previous=first)
    other = Deployment(limited({"limit": "4/hour", "key": "address"}), host, previous=same)
    plugins = [list(deployment.configured.plugins()) for deployment in (first, same, other)]
    assert [plugins[0] == plugins[1], plugins[1] == plugins[2]] == [True, False]


@both_forms
async def test_a_limit_of_a_route_is_not_used_up_by_others() -> None:
    """Neither the other way round."""
    async with serve(Gateway(limited({"limit": "2/minute"}))) as port:
        found = [await statuses(port, target, b"h") for target in (b"/", b"/own", b"/own", b"/own")]
        found.append(await statuses(port, b"/", b"h"))
    assert found == [[502], [502], [502], [429], [429]]


@both_forms
async def test_tenants_have_limits_of_their_own() -> None:
    """One that used up its share takes nothing from another."""
    async with serve(Gateway(limited(LIMIT["configuration"], isolation="tenant"))) as port:
        found = await statuses(port, b"/", b"acme", b"acme", b"other", b"OTHER:80")
    assert found == [502, 429, 502, 429]


@both_forms
async def test_hosts_that_are_made_up_reset_no_limit() -> None:
    """They drive out the tenant's virtual machine, and not what was counted."""
    config = limited(LIMIT["configuration"], isolation="tenant", tenants={"max": 2})
    made_up = [b"made-up-%d" % number for number in range(20)]
    async with serve(Gateway(config)) as port:
        found = await statuses(port, b"/", b"acme", b"acme", *made_up, b"acme")
    assert found == [502, 429, *[502] * 20, 429]


@both_forms
async def test_a_header_names_the_tenant() -> None:
    """Requests without it are one tenant."""
    tenants = {"header": "x-tenant", "max": 8, "idle": "1m"}
    config = limited(LIMIT["configuration"], isolation="tenant", tenants=tenants)
    found = []
    async with serve(Gateway(config)) as port:
        for field in (b"x-tenant: a\r\n", b"x-tenant: b\r\n", b"", b"", b"x-tenant: a\r\n"):
            async with Client(port) as client:
                await client.send(b"GET / HTTP/1.1\r\nhost: h\r\n%b\r\n" % field)
                found.append((await client.reply()).status)
    assert found == [502, 502, 502, 429, 429]
