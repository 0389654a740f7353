"""In Starlette, in FastAPI and around any app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route

from tests.middleware.apps import echo
from tests.middleware.guests import guest
from wasmgate import Capabilities, ConfigError, Policy, PolicyLoadError, PolicyMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response

    from wasmgate._asgi import ASGIApp

MARKS = (
    "request_headers: add request x-seen request",
    "response_headers: add response x-seen response",
)


def client(app: Any) -> httpx.AsyncClient:  # noqa: ANN401 (frameworks' apps have types of their own)
    """Make a client of the app."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example")


async def seen(request: Request) -> JSONResponse:
    """Answer with the policy's mark and the body."""
    body = (await request.body()).decode()
    return JSONResponse({"seen": request.headers.get("x-seen"), "body": body})


async def test_starlette_add_middleware() -> None:
    """As any middleware."""
    app = Starlette(routes=[Route("/", seen, methods=["POST"])])
    app.add_middleware(PolicyMiddleware, policies=[guest(*MARKS)])
    async with client(app) as http:
        response = await http.post("/", content=b"hello")
    assert response.json() == {"seen": "request", "body": "hello"}
    assert response.headers["x-seen"] == "response"


async def test_starlette_middleware_list() -> None:
    """As any middleware."""
    policies = Middleware(PolicyMiddleware, policies=[guest(*MARKS)])
    app = Starlette(routes=[Route("/", seen)], middleware=[policies])
    async with client(app) as http:
        assert (await http.get("/")).json()["seen"] == "request"


async def test_fastapi_add_middleware() -> None:
    """Dependencies and models work as they do."""
    app = FastAPI()
    app.add_middleware(PolicyMiddleware, policies=[guest(*MARKS)])

    @app.post("/items/{number}")
    async def item(number: int, body: dict[str, int]) -> dict[str, int]:
        return {"number": number, **body}

    async with client(app) as http:
        response = await http.post("/items/3", json={"price": 4})
    assert (response.json(), response.headers["x-seen"]) == ({"number": 3, "price": 4}, "response")


async def test_around_any_app() -> None:
    """A function is enough."""
    async with client(PolicyMiddleware(echo, policies=[guest(*MARKS)])) as http:
        response = await http.get("/a?b=c")
    assert response.json()["path"] == "/a"
    assert response.headers["x-seen"] == "response"


async def test_around_a_mounted_app() -> None:
    """Which gets no lifespan; it sees the whole path."""
    inner = Starlette(routes=[Route("/orders", seen)])
    policies = [guest(*MARKS, "request_headers: get request :path")]
    app = Starlette(routes=[Mount("/shop", PolicyMiddleware(inner, policies=policies))])
    async with client(app) as http:
        response = await http.get("/shop/orders")
    assert (response.status_code, response.json()["seen"]) == (200, "request")


@pytest.mark.parametrize("outside", [True, False], ids=["outside", "inside"])
async def test_with_base_http_middleware(*, outside: bool) -> None:
    """On either side: it minds a message too many."""

    async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if not outside:
            await request.body()
        response = await call_next(request)
        response.headers["x-base"] = "1"
        return response

    app = Starlette(routes=[Route("/", seen, methods=["GET", "POST"])])
    # The last one that is added is the outermost.
    if not outside:
        app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    app.add_middleware(PolicyMiddleware, policies=[guest(*MARKS)])
    if outside:
        app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    async with client(app) as http:
        for response in (await http.get("/"), await http.post("/", content=b"ab")):
            assert (response.json()["seen"], response.headers["x-base"]) == ("request", "1")


async def test_streaming_responses() -> None:
    """Starlette's, which watches for a disconnect while it sends."""

    async def numbers() -> AsyncIterator[str]:
        for number in range(5):
            yield str(number)

    async def endpoint(request: Request) -> StreamingResponse:
        return StreamingResponse(numbers())

    app = Starlette(routes=[Route("/", endpoint)])
    app.add_middleware(PolicyMiddleware, policies=[guest("response_body: set_body response 9 0 ,")])
    async with client(app) as http:
        assert (await http.get("/")).text == "0,1,2,3,4,,"


def test_a_policy_that_cannot_be_loaded_raises_at_once(app_of_nothing: ASGIApp) -> None:
    """Not on the first request."""
    with pytest.raises(PolicyLoadError, match="refused the configuration"):
        PolicyMiddleware(app_of_nothing, policies=[guest("configure: refuse")])
    with pytest.raises(ConfigError, match="there is no module"):
        PolicyMiddleware(app_of_nothing, policies=[Policy("./absent.wasm")])


def test_a_module_where_a_policy_is_meant_is_refused(app_of_nothing: ASGIApp) -> None:
    """With what to write."""
    with pytest.raises(ConfigError, match="'rewrite' is not a policy"):
        PolicyMiddleware(app_of_nothing, policies=["rewrite"])  # type: ignore[list-item]


def test_a_cluster_that_is_not_there_is_refused(app_of_nothing: ASGIApp) -> None:
    """With the policy that may call it."""
    own = Policy("rewrite", name="own", capabilities=Capabilities(net=("auth",)))
    with pytest.raises(ConfigError, match="there is no cluster 'auth'") as caught:
        PolicyMiddleware(app_of_nothing, policies=[own], clusters={"auht": "http://a"})
    assert caught.value.where == "policy 'own': capabilities.net"


@pytest.fixture
def app_of_nothing() -> ASGIApp:
    """Make an app that is never called."""
    return echo
