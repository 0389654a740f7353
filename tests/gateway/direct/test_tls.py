"""TLS on both sides: the server's, and the endpoints'."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Self

import pytest

from tests.gateway.certificates import certificate, serving
from tests.gateway.direct.gate import GET, POST
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client, ask, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.scripted_upstream import Peer


class SecureClient(Client):
    """A client that trusts one certificate."""

    def __init__(self, port: int, path: Path) -> None:
        super().__init__(port)
        self.context = ssl.create_default_context(cafile=str(path))

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.context
        )
        return self


async def repeat(peer: Peer) -> None:
    """Script: answer with the request's body."""
    while True:
        await peer.answer((await peer.request()).body)


@pytest.mark.parametrize("size", [2, 2_000_000])
async def test_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Bodies pass whole in both directions; the upstream is told of https."""
    path = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with ScriptedUpstream(repeat, tls=serving(path)) as upstream:
        gateway = Gateway(configuration(upstream.url))
        listening = serve(gateway, ssl_certfile=str(path))
        async with listening as port, SecureClient(port, path) as client:
            for _ in range(2):
                await client.send(POST + b"content-length: %d\r\n\r\n" % size)
                writing = asyncio.ensure_future(client.send(b"x" * size))
                assert (await client.reply()).body == b"x" * size
                await writing
        assert len(upstream.peers) == 1
        assert upstream.requests[0].values(b"x-forwarded-proto") == [b"https"]


async def test_an_endpoint_that_is_not_trusted(tmp_path: Path) -> None:
    """It gets no request."""
    path = certificate(tmp_path, "127.0.0.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        async with serve(Gateway(configuration(upstream.url))) as port:
            assert (await ask(port)).status == 502
        assert upstream.requests == []


async def test_a_client_that_leaves(tmp_path: Path) -> None:
    """It takes its upstream with it over TLS, too."""
    path = certificate(tmp_path, "127.0.0.1")
    async with ScriptedUpstream(silent) as upstream:
        listening = serve(Gateway(configuration(upstream.url)), ssl_certfile=str(path))
        async with listening as port:
            async with SecureClient(port, path) as client:
                await client.send(GET)
                await upstream.until(lambda: bool(upstream.requests))
            async with asyncio.timeout(1):
                await upstream.until(lambda: upstream.open == 0)


async def test_refused_over_tls(tmp_path: Path) -> None:
    """A refusal arrives before the connection is closed."""
    path = certificate(tmp_path, "127.0.0.1")
    listening = serve(Gateway(configuration("http://127.0.0.1:1")), ssl_certfile=str(path))
    async with listening as port, SecureClient(port, path) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost : x\r\n\r\n")
        assert (await client.reply()).status == 400
