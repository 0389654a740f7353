"""The app that every server here serves: policies around an app, and the gateway, below mounts.

A server imports it; `WASMGATE_CACHE` says where compiled modules are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.middleware.apps import read, respond
from tests.middleware.guests import MODULE, guest
from wasmgate import PolicyMiddleware, policies
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from wasmgate._asgi import Receive, Scope, Send

LONGER = "longer-than-what-came"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what the app saw, and how long it is."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"]})
        await send({"type": "websocket.close"})
        return
    fields = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": fields,
        "body": (await read(receive)).decode(),
    }
    body = json.dumps(seen).encode()
    await respond(send, 200, body, (b"content-length", b"%d" % len(body)))


async def parts(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in parts that are like bytes, without a length."""
    await send({"type": "http.response.start", "status": 200})
    for part in (bytearray(b"ab"), memoryview(b"cd"), memoryview(b"e-f-")[::2]):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


MARKS = guest("request_headers: add request x-seen yes", "response_headers: add response x-p 1")
LOOKS = guest("request_body: body request 0 9", "response_body: body response 0 9")
BODIES = guest(
    "request_body: pause_until_end",
    f"request_body: set_body request 0 1000 {LONGER}",
    "response_body: pause_until_end",
    f"response_body: set_body response 0 0 {LONGER}",
)
GATEWAY = GatewayConfig.model_validate(
    {
        "policies": {
            "marks": {
                "module": str(MODULE),
                "configuration": "request_headers: add request x-seen yes",
            }
        },
        "clusters": {"site": {"endpoints": ["http://site.test"]}},
        "default_policies": ["marks"],
        "routes": [{"match": {"prefix": "/site/"}, "cluster": "site"}],
    }
)


def around(*programs: object, inner: object = echo) -> PolicyMiddleware:
    """Put policies around an app."""
    return PolicyMiddleware(inner, policies=programs)  # type: ignore[arg-type] # policies, an app


app = Starlette(
    routes=[
        Mount("/marks", around(MARKS)),
        Mount("/bodies", around(BODIES)),
        Mount("/parts", around(LOOKS, inner=parts)),
        Mount("/deny", around(guest("request_headers: respond 403 no"))),
        Mount("/once", around(policies.rate_limit(limit="1/hour", key="address"))),
        Mount("/below", around(policies.rewrite(path_prefix={"/old/": "/new/"}))),
        Mount("/gate", Gateway(GATEWAY, transports={"site": httpx.ASGITransport(app=echo)})),
    ]
)
outermost = around(MARKS, inner=app)
