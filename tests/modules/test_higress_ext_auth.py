"""gpustack-ext-auth: an authorization service decides, by an HTTP call, who reaches the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.middleware.asgi_server import Connection, get
from tests.modules.higress import CHAT, Model, plugin
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from wasmgate import Policy

SERVICE = "auth.internal.dns"
RULES = {
    "route_match_regexes": ["^ai-"],
    "authz": {
        "endpoint": {
            "service_name": SERVICE,
            "service_port": 8080,
            "path": "/token-auth",
            "request_method": "GET",
        },
        "timeout": 2000,
        "authorization_request": {"headers_to_add": {"x-gpustack-auth-token": "gate"}},
    },
    "status_on_error": 503,
}

pytestmark = pytest.mark.timeout(300)


def policy() -> Policy:
    """Make the policy; it may call one service."""
    return plugin("gpustack-ext-auth", RULES, net=[SERVICE])


async def decide(peer: Peer) -> None:
    """Script: know one token."""
    while True:
        request = await peer.request()
        if b"Bearer good" in request.values(b"authorization"):
            await peer.answer(b"", fields=b"x-mse-consumer: ada\r\n")
        else:
            await peer.answer(b"who?", status=401, fields=b"www-authenticate: Bearer\r\n")


async def ask(url: str, model: Model, token: str) -> Connection:
    """Send a request with a token."""
    wrapped = PolicyMiddleware(
        model, policies=[policy()], clusters={SERVICE: url}, route_name="ai-chat"
    )
    fields = [(b"authorization", f"Bearer {token}".encode()), (b"x-mse-consumer", b"root")]
    return await get(wrapped, CHAT, fields)


async def test_who_is_known_reaches_the_model() -> None:
    """With the name that the service gave, instead of the one that the client claims."""
    model = Model(b"{}")
    async with ScriptedUpstream(decide) as service:
        answer = await ask(service.url, model, "good")
    assert (answer.status, model.seen[0][1]["x-mse-consumer"]) == (200, "ada")
    asked = service.requests[0]
    assert asked.line == b"GET /token-auth HTTP/1.1"
    assert asked.values(b"x-gpustack-auth-token") == [b"gate"]


async def test_who_is_not_known_does_not() -> None:
    """The client sees the service's answer."""
    model = Model(b"{}")
    async with ScriptedUpstream(decide) as service:
        answer = await ask(service.url, model, "bad")
    assert (answer.status, answer.body, model.seen) == (401, b"who?", [])
    assert (b"www-authenticate", b"Bearer") in answer.start["headers"]


async def test_a_service_that_is_gone() -> None:
    """It is closed: the status that the configuration names."""
    async with ScriptedUpstream() as service:
        url = service.url
    model = Model(b"{}")
    assert (await ask(url, model, "good")).status == 503
    assert model.seen == []


async def test_another_route_is_not_its_business() -> None:
    """It goes by `route_name`."""
    model = Model(b"{}")
    nobody = {SERVICE: "http://127.0.0.1:9"}
    wrapped = PolicyMiddleware(model, policies=[policy()], clusters=nobody, route_name="pages")
    assert ((await get(wrapped, CHAT)).status, len(model.seen)) == (200, 1)
