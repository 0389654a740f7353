"""One policy around an app and one in a gateway, which a test asks through scopes by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from tests.middleware.apps import echo
from tests.middleware.asgi_server import HOST, Connection, http_scope, part
from tests.middleware.guests import MODULE, guest
from wasmgate import PolicyMiddleware
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp

PLACES = ("middleware", "gateway")


def place(where: str, *program: str, **server: object) -> PolicyMiddleware | Gateway:
    """Put a policy before an app that answers with what it saw; `server` are options of both."""
    if where == "middleware":
        options: dict[str, Any] = dict(server)
        return PolicyMiddleware(echo, policies=[guest(*program)], **options)
    config = GatewayConfig.model_validate(
        {
            "policies": {"guest": {"module": str(MODULE), "configuration": "\n".join(program)}},
            "clusters": {"site": {"endpoints": ["http://site.test"]}},
            "default_policies": ["guest"],
            "routes": [{"match": {"prefix": "/"}, "cluster": "site"}],
            "server": server,
        }
    )
    return Gateway(config, transports={"site": httpx.ASGITransport(app=echo)})


async def ask(app: ASGIApp, target: str = "/", **scope: Any) -> Connection:  # noqa: ANN401
    """Send a request without a body; `scope` is what differs from the usual one."""
    headers = scope.pop("headers", HOST)
    return await Connection(
        app, http_scope(target=target, **scope) | {"headers": headers}, part(b"")
    ).done()


def fields(connection: Connection, name: str) -> list[str]:
    """Return the values of a field that the app saw."""
    return [value for known, value in json.loads(connection.body)["headers"] if known == name]
