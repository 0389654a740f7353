"""Endpoints over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.certificates import certificate, serving
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import ConnectError
from wasmgate.upstream import HttpUpstream

if TYPE_CHECKING:
    from pathlib import Path


async def fetch(client: HttpUpstream, url: str) -> bytes:
    """Do one request."""
    return await read_body(client.begin(Request(endpoint=url), b"", end=True))


async def test_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint whose certificate is trusted is asked, over one connection."""
    path = certificate(tmp_path, "127.0.0.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        client = HttpUpstream()
        answers = [await fetch(client, upstream.url) for _ in range(2)]
        assert (answers, len(upstream.peers)) == ([b"GET / HTTP/1.1"] * 2, 1)
        client.close()


async def test_not_trusted(tmp_path: Path) -> None:
    """Without its authority in the system, an endpoint's certificate is refused."""
    path = certificate(tmp_path, "127.0.0.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        client = HttpUpstream()
        with pytest.raises(ConnectError, match="its certificate is not trusted"):
            await fetch(client, upstream.url)
        client.close()


async def test_for_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trusted certificate for another name is refused."""
    path = certificate(tmp_path, "192.0.2.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        client = HttpUpstream()
        with pytest.raises(ConnectError, match="its certificate is for another host"):
            await fetch(client, upstream.url)
        client.close()
