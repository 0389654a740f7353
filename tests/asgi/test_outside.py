"""What stands outside of the policies sees what the app wrote into the scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.asgi.placed import ask
from tests.middleware.guests import guest
from wasmgate import PolicyMiddleware, policies

if TYPE_CHECKING:
    from wasmgate import Policy
    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send

# None changes nothing, then: fields, the path, bodies (whose extensions are taken away).
POLICIES: dict[str, list[Policy]] = {
    "nothing": [],
    "fields": [policies.rewrite(request_headers={"set": {"x-tier": "gold"}})],
    "path": [policies.rewrite(path_prefix={"/v1/": "/"})],
    "bodies": [guest("response_body: body response 0 9")],
}


def shop(*its: Policy) -> ASGIApp:
    """Make an app with one route behind policies."""
    app = FastAPI()

    @app.get("/items/{item}")
    async def read_item(item: str) -> dict[str, str]:
        return {"item": item}

    app.add_middleware(PolicyMiddleware, policies=list(its))
    return app


@pytest.mark.parametrize("what", POLICIES)
async def test_the_route_is_in_the_scope_afterwards(what: str) -> None:
    """As Sentry's and others' middleware reads it."""
    seen: dict[str, Any] = {}
    app = shop(*POLICIES[what])

    async def outside(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        seen.update(
            route=scope["route"].path,
            endpoint=scope["endpoint"].__name__,
            parameters=scope["path_params"],
        )

    target = "/v1/items/5" if what == "path" else "/items/5"
    extensions: dict[str, dict[str, str]] = {"http.response.pathsend": {}}
    assert (await ask(outside, target, extensions=extensions)).status == 200
    expected = {"route": "/items/{item}", "endpoint": "read_item", "parameters": {"item": "5"}}
    assert seen == expected


async def test_it_is_there_when_the_response_begins() -> None:
    """Middleware that names a span or a metric does it then."""
    app = shop(*POLICIES["fields"])
    routes: list[str] = []

    async def outside(scope: Scope, receive: Receive, send: Send) -> None:
        async def sends(message: Message) -> None:
            if message["type"] == "http.response.start":
                routes.append(scope["route"].path)
            await send(message)

        await app(scope, receive, sends)

    await ask(outside, "/items/5")
    assert routes == ["/items/{item}"]


async def test_opentelemetry_outside_of_it() -> None:
    """Its spans have the request and the status, and its hook finds the route."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    scopes: list[Scope] = []

    traced: Any = OpenTelemetryMiddleware(
        shop(*POLICIES["fields"]),
        server_request_hook=lambda _, scope: scopes.append(scope),
        tracer_provider=provider,
    )
    assert (await ask(traced, "/items/5")).status == 200
    server = next(span for span in spans.get_finished_spans() if span.kind.name == "SERVER")
    assert (server.attributes or {})["http.status_code"] == 200
    assert scopes[0]["route"].path == "/items/{item}"
