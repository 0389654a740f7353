"""After any change of a head by a policy both forms answer alike, and nothing hangs."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.heads import operations
from tests.gateway.scripted_upstream import Peer, Received, ScriptedUpstream
from tests.gateway.serving import FORMS, Client, serve
from tests.middleware.guests import MODULE
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMS = list(operations())
LATEST = 60.0  # seconds
REQUESTS = {
    "get": b"GET /plain HTTP/1.1\r\nhost: %b\r\nx-id: 1\r\n\r\n",
    "head": b"HEAD /plain HTTP/1.1\r\nhost: %b\r\nx-id: 1\r\n\r\n",
    "post": b"POST /plain HTTP/1.1\r\nhost: %b\r\nx-id: 1\r\ncontent-length: 3\r\n\r\nabc",
    "chunked": b"POST /chunks HTTP/1.1\r\nhost: %b\r\nx-id: 1\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
}
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nplain\n\r\n0\r\n\r\n"
PORT = re.compile(rb"^127\.0\.0\.1:\d+$")
OF_THE_HOST = {b"connection", b"date", b"server", b"transfer-encoding", b"x-forwarded-host"}


class Site:
    """An upstream that keeps what it is asked, and answers with a body of six bytes."""

    def __init__(self) -> None:
        self.seen: list[Received] = []

    async def __call__(self, peer: Peer) -> None:
        """Answer with a length, or in chunks."""
        while True:
            request = await peer.request()
            self.seen.append(request)
            if request.line.startswith(b"HEAD "):
                await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n")
            elif b"/chunks" in request.line:
                await peer.send(CHUNKS)
            else:
                await peer.answer(b"plain\n")


def configuration(url: str) -> GatewayConfig:
    """Make a route for each program."""
    policies = {
        f"p{number}": {"module": str(MODULE), "configuration": program}
        for number, program in enumerate(PROGRAMS)
    }
    routes = [
        {
            "match": {"host": f"p{number}.test"},
            "cluster": "site",
            "policies": [f"p{number}"],
            "timeout": "20s",
        }
        for number in range(len(PROGRAMS))
    ]
    clusters = {"site": {"endpoints": [url], "connections": 8}}
    settings = {"policies": policies, "clusters": clusters, "routes": routes}
    return GatewayConfig.model_validate(settings)


async def answer(port: int, request: bytes) -> tuple[Any, ...]:
    """Return status, fields and body, as far as they came, and whether that was all."""
    async with asyncio.timeout(LATEST), Client(port) as client:
        await client.send(request)
        try:
            reply = await client.reply(bodiless=request.startswith(b"HEAD"))
        except (ConnectionError, asyncio.IncompleteReadError):
            return ("cut",)
        if reply.status in {204, 304}:
            return (reply.status, *told(reply.fields))
        return (reply.status, *told(reply.fields), reply.body)


def told(fields: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the fields that both forms must agree on; the upstream's own name is its own."""
    kept = (field for field in fields if field[0] not in OF_THE_HOST)
    return tuple(sorted((name, PORT.sub(b"upstream", value)) for name, value in kept))


async def seen(form: str, kind: str) -> Mapping[str, tuple[Any, ...]]:
    """Send a request through each program; gives what client and upstream saw."""
    outcomes = {}
    site = Site()
    async with ScriptedUpstream(site) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway, http=FORMS[form]) as port:
            for number, program in enumerate(PROGRAMS):
                site.seen.clear()
                request = REQUESTS[kind] % f"p{number}.test".encode()
                client = await answer(port, request)
                asked = [(r.line, told(r.fields), r.body) for r in site.seen]
                outcomes[program] = (client, asked)
    return outcomes


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", REQUESTS)
async def test_both_forms_answer_alike(kind: str) -> None:
    """What the client gets, and what the upstream is asked."""
    asgi, direct = await seen("asgi", kind), await seen("direct", kind)
    assert {p: (asgi[p], direct[p]) for p in PROGRAMS if asgi[p] != direct[p]} == {}
