"""The middleware under a real server, with real sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from tests.middleware.apps import chatter
from tests.middleware.guests import guest
from tests.middleware.uvicorn_server import served
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from tests.middleware.conftest import Said
    from wasmgate._asgi import ASGIApp


async def endless(request: Request) -> StreamingResponse:
    """Send for ever."""

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1024
            await asyncio.sleep(0.001)

    return StreamingResponse(parts())


async def hello(request: Request) -> PlainTextResponse:
    """Say hello."""
    return PlainTextResponse("hello")


def app(*program: str) -> ASGIApp:
    """Put a policy before the endpoints."""
    starlette = Starlette(routes=[Route("/", hello), Route("/endless", endless)])
    starlette.add_middleware(PolicyMiddleware, policies=[guest(*program)])
    return starlette


@asynccontextmanager
async def connected(
    app: ASGIApp,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve the app and open a connection to it."""
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def ended(said: Said) -> None:
    """Wait for the end of a stream."""
    async with asyncio.timeout(10):
        while said.callbacks()[-1:] != ["delete"]:
            await asyncio.sleep(0.001)


async def test_each_part_comes_back_before_the_next_one_is_sent() -> None:
    """Nothing is buffered on either way."""
    looks = guest("request_body: body request 0 9", "response_body: body response 0 9")
    async with connected(PolicyMiddleware(chatter, policies=[looks])) as (reader, writer):
        head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"1\r\na\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        for part in (b"A", b"B", b"C"):
            assert await reader.readuntil(part + b"\r\n") == b"1\r\n" + part + b"\r\n"
            writer.write(b"1\r\n%c\r\n" % (part[0] + 33))
        assert await reader.readuntil(b"D\r\n") == b"1\r\nD\r\n"
        writer.write(b"0\r\n\r\n")
        assert await reader.readuntil(b"0\r\n\r\n") == b"0\r\n\r\n"


async def test_a_client_that_leaves_a_response_ends_the_stream(said: Said) -> None:
    """While the app sends; Starlette notices it, and so do we."""
    async with connected(app()) as (reader, writer):
        writer.write(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
        await reader.readuntil(b"xxx")
        writer.close()
        await ended(said)
    assert said.callbacks()[-3:] == ["done", "log", "delete"]


async def test_a_client_that_leaves_a_held_request_ends_the_stream(said: Said) -> None:
    """The app was never called."""
    async with connected(app("request_headers: pause")) as (_, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        async with asyncio.timeout(10):
            while "request_headers" not in said.callbacks():
                await asyncio.sleep(0.001)
        writer.close()
        await ended(said)
    assert said.callbacks() == ["context_create", "request_headers", "done", "log", "delete"]


async def test_a_response_that_a_policy_cuts_ends_before_its_end() -> None:
    """The client sees that it is not whole."""
    async with connected(app("response_body: reset response")) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        response = await reader.read()
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-length: 5" in head
    assert body == b""


async def test_a_local_response_keeps_the_connection() -> None:
    """Its length is known; the next request comes on the same connection."""
    async with connected(app("request_headers: respond 403 no")) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            response = await reader.readuntil(b"\r\n\r\n")
            assert response.startswith(b"HTTP/1.1 403 ")
            assert b"content-length: 2" in response
            assert await reader.readexactly(2) == b"no"


async def test_a_head_request_gets_a_head() -> None:
    """The server leaves out the body of a local response."""
    async with connected(app("request_headers: respond 403 no")) as (reader, writer):
        writer.write(b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        response = await reader.read()
    assert response.startswith(b"HTTP/1.1 403 ")
    assert response.endswith(b"\r\n\r\n")
