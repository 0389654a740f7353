"""What a client gets when an upstream fails (RFC 9457), and when it cannot even be told."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.gateway.calling import call
from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream, silent
from tests.gateway.serving import Client, Reply, ask, both_forms, configuration, serve
from wasmgate.gateway import Gateway, deployment
from wasmgate.gateway.asgi.downstream import Cut
from wasmgate.upstream import UpstreamLimits


def problem(reply: Reply) -> tuple[int, str, list[bytes]]:
    """Return status, title and content type of a problem (RFC 9457)."""
    body = json.loads(reply.body)
    return body["status"], body["title"], reply.values(b"content-type")


async def hang_up(peer: Peer) -> None:
    """Script: close without an answer."""
    await peer.request()
    peer.close()


async def nonsense(peer: Peer) -> None:
    """Script: answer with what is no HTTP."""
    await peer.request()
    await peer.send(b"SSH-2.0-OpenSSH\r\n")


JSON = [b"application/problem+json"]


@both_forms
@pytest.mark.parametrize("script", [hang_up, nonsense])
async def test_bad_gateway(script: Script, caplog: pytest.LogCaptureFixture) -> None:
    """An upstream that gives no response is a 502; which one it was stays in the log."""
    async with ScriptedUpstream(script) as upstream:
        async with serve(Gateway(configuration(upstream.url))) as port:
            reply = await ask(port)
        assert (reply.status, problem(reply)) == (502, (502, "Bad Gateway", JSON))
        assert str(upstream.port).encode() not in reply.body
        assert [r.levelname for r in caplog.records if upstream.url in r.message] == ["WARNING"]


@both_forms
async def test_nobody_listens() -> None:
    """An endpoint that cannot be connected to is a 502."""
    async with ScriptedUpstream() as upstream:
        url = upstream.url
    async with serve(Gateway(configuration(url))) as port:
        assert (await ask(port)).status == 502


@both_forms
async def test_gateway_timeout() -> None:
    """A route whose time is over is a 504."""
    async with ScriptedUpstream(silent) as upstream:
        routes = [{"match": {"prefix": "/"}, "cluster": "site", "timeout": "200ms"}]
        async with serve(Gateway(configuration(upstream.url, routes=routes))) as port:
            reply = await ask(port)
        assert (reply.status, problem(reply)) == (504, (504, "Gateway Timeout", JSON))


async def test_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster whose connections and queue are full is a 503."""
    monkeypatch.setattr(deployment, "UpstreamLimits", partial(UpstreamLimits, waiting=0))
    async with ScriptedUpstream(silent) as upstream:
        cluster = {"endpoints": [upstream.url], "connections": 1}
        gateway = Gateway(configuration(upstream.url, clusters={"site": cluster}))
        async with serve(gateway) as port, Client(port) as busy:
            await busy.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await upstream.until(lambda: bool(upstream.requests))
            reply = await ask(port)
            assert (reply.status, problem(reply)) == (503, (503, "Service Unavailable", JSON))


@both_forms
async def test_no_route() -> None:
    """A request that no route is for is a 404."""
    routes = [{"match": {"prefix": "/api/"}, "cluster": "site"}]
    async with serve(Gateway(configuration("http://127.0.0.1:1", routes=routes))) as port:
        assert problem(await ask(port, b"/other"))[:2] == (404, "Not Found")


async def test_cut_under_another_server() -> None:
    """An exception ends an incomplete response under a server that is not uvicorn."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
        peer.close()

    async with ScriptedUpstream(half) as upstream:
        with pytest.raises(Cut):
            await call(Gateway(configuration(upstream.url)), [])


@both_forms
async def test_early_answer_to_an_upload() -> None:
    """An upstream that answers before the upload ends is heard; the client gets its answer."""

    async def refuse(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b"too big", status=413)

    async with ScriptedUpstream(refuse) as upstream:
        async with serve(Gateway(configuration(upstream.url))) as port, Client(port) as client:
            head = b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 1000000000\r\n\r\n"
            await client.send(head + b"x" * 1000)
            reply = await client.reply()
        assert (reply.status, reply.body) == (413, b"too big")
