"""`client` and `server` of a scope in the forms that servers and test clients give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.asgi.placed import PLACES, ask
from tests.middleware.apps import echo
from tests.middleware.asgi_server import Connection, http_scope
from wasmgate import PolicyMiddleware, policies
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp, Receive, Scope, Send

FORMS: dict[str, tuple[Any, Any]] = {
    "lists": (["192.0.2.1", 1234], ["127.0.0.1", 80]),
    "no port of the client": (("192.0.2.1", None), ("127.0.0.1", 80)),
    "no port of the server": (("192.0.2.1", 1234), ("127.0.0.1", None)),
    "ports as text": (("192.0.2.1", "1234"), ("127.0.0.1", "80")),
    "no address of the server": (("192.0.2.1", 1234), None),
}
every_form = pytest.mark.parametrize(("client", "server"), FORMS.values(), ids=FORMS)


def limited(where: str) -> ASGIApp:
    """Put a limit by address before an app: one request an hour."""
    if where == "middleware":
        return PolicyMiddleware(echo, policies=[policies.rate_limit(limit="1/hour")])
    config = GatewayConfig.model_validate(
        {
            "policies": {"limit": {"module": "rate_limit", "configuration": {"limit": "1/hour"}}},
            "clusters": {"site": {"endpoints": ["http://site.test"]}},
            "routes": [{"match": {"prefix": "/"}, "cluster": "site", "policies": ["limit"]}],
        }
    )
    return Gateway(config, transports={"site": httpx.ASGITransport(app=echo)})


@every_form
@pytest.mark.parametrize("where", PLACES)
async def test_the_address_counts(where: str, client: Any, server: Any) -> None:  # noqa: ANN401
    """It is the same client as in the usual form, and others are not."""
    app = limited(where)
    asked = [(client, server), (("192.0.2.1", 9), server), (("192.0.2.2", 9), server)]
    statuses = [(await ask(app, client=one, server=its)).status for one, its in asked]
    assert statuses == [200, 429, 200]


@every_form
async def test_a_websocket_has_it_too(client: Any, server: Any) -> None:  # noqa: ANN401
    """Its handshake counts, and the second is one too many."""

    async def accepts(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    app = PolicyMiddleware(accepts, policies=[policies.rate_limit(limit="1/hour")])
    extensions: dict[str, dict[str, str]] = {"websocket.http.response": {}}
    scope = http_scope(type="websocket", scheme="ws", client=client, server=server)
    scope["extensions"] = extensions
    connections = [
        await Connection(app, dict(scope), {"type": "websocket.connect"}).done() for _ in range(2)
    ]
    accepted, denied = connections
    assert accepted.sent == [{"type": "websocket.accept"}]
    assert denied.status == 429
