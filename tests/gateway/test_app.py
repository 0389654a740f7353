"""The gateway as an ASGI app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.calling import HTTP, call
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, silent
from tests.gateway.serving import Client, both_forms, configuration, serve
from wasmgate.errors import ConfigError
from wasmgate.gateway import Gateway, create_app

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import Message


async def test_reload_from_the_file(tmp_path: Path) -> None:
    """`reload()` reads the file again, and refuses what is wrong in it."""
    path = tmp_path / "gateway.yaml"
    text = "clusters: {site: {endpoints: [%s]}}\nroutes: [{match: {prefix: /}, cluster: site}]\n"
    async with ScriptedUpstream() as one, ScriptedUpstream() as other:
        path.write_text(text % one.url)
        gateway = Gateway.from_file(path)
        path.write_text(text % other.url)
        await gateway.reload()
        assert gateway.config.clusters["site"].urls == (other.url,)
        path.write_text("clusters: nonsense\n")
        with pytest.raises(ConfigError):
            await gateway.reload()
        assert gateway.config.clusters["site"].urls == (other.url,)


async def test_reload_without_a_file() -> None:
    """A gateway that was not made from a file has to be told the configuration."""
    with pytest.raises(ConfigError, match="no file"):
        await Gateway(configuration("http://127.0.0.1:1")).reload()


async def test_create_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factory takes the path of the file from WASMGATE_CONFIG."""
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "clusters: {site: {endpoints: [http://127.0.0.1:1]}}\n"
        "routes: [{match: {prefix: /}, cluster: site}]\n"
    )
    monkeypatch.setenv("WASMGATE_CONFIG", str(path))
    assert list(create_app().config.clusters) == ["site"]


async def test_lifespan() -> None:
    """Start-up and shutdown are answered; shutdown closes the idle connections of the loop."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        await call(gateway, [])
        assert upstream.open == 1
        messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = await call(gateway, messages, type="lifespan")
        names = [message["type"] for message in sent]
        assert names == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        await upstream.until(lambda: upstream.open == 0)


async def test_unknown_scope() -> None:
    """A kind of connection that ASGI does not have is refused, as ASGI asks."""
    with pytest.raises(NotImplementedError, match="quic"):
        await call(Gateway(configuration("http://127.0.0.1:1")), [], type="quic")


async def test_below_a_mount() -> None:
    """Below a mount, routes see the path below it."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        sent = await call(gateway, [], root_path="/api", path="/api/x", raw_path=b"/api/x")
        assert sent[1]["body"] == b"GET /x HTTP/1.1"


LAST: Message = {"type": "http.request"}


@pytest.mark.parametrize(
    ("incoming", "seen"),
    [
        ([LAST], []),
        ([{"type": "http.request", "body": b"a", "more_body": True}, LAST], [b"a"]),
    ],
    ids=["no body", "a body"],
)
async def test_http2_says_late_whether_a_body_follows(
    incoming: list[Message], seen: list[bytes]
) -> None:
    """Over HTTP/2 no field announces a body, so the first message decides."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        await call(gateway, incoming, http_version="2", method="POST")
        request = upstream.requests[0]
        chunked = request.values(b"transfer-encoding")
        assert ([request.body] if request.body else [], len(chunked)) == (seen, len(seen))


async def test_http2_client_that_leaves_at_once() -> None:
    """A client that leaves before it has said whether a body follows is not acted for."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        assert await call(gateway, [{"type": "http.disconnect"}], http_version="2") == []
        assert upstream.peers == []


async def test_client_that_announces_a_body_and_leaves() -> None:
    """A client that leaves before the first byte of its body costs the upstream nothing."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        headers = [(b"host", b"gate.test"), (b"content-length", b"5")]
        leaves: Message = {"type": "http.disconnect"}
        assert await call(gateway, [leaves], headers=headers, method="POST") == []
        assert upstream.peers == []


async def test_trailers_are_left_out() -> None:
    """Trailers of a response end it; ASGI servers do not pass them on."""

    async def with_trailers(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await peer.send(b"2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n")

    async with ScriptedUpstream(with_trailers) as upstream:
        sent = await call(Gateway(configuration(upstream.url)), [])
        parts = [(message["body"], message["more_body"]) for message in sent[1:]]
        assert (b"".join(body for body, _ in parts), parts[-1][1]) == (b"ok", False)


async def test_cancelled_by_the_server() -> None:
    """A server that cancels its task ends the upstream's part, and sees its cancellation."""
    async with ScriptedUpstream(silent) as upstream:
        gateway = Gateway(configuration(upstream.url))
        task = asyncio.ensure_future(call(gateway, []))
        await upstream.until(lambda: bool(upstream.requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await upstream.until(lambda: upstream.open == 0)


async def test_receive_that_fails() -> None:
    """What `receive` raises reaches the server, and ends the upstream's part."""

    class Broken(Exception):
        pass

    async def receive() -> Message:
        raise Broken

    async def send(message: Message) -> None:
        del message

    async with ScriptedUpstream(silent) as upstream:
        gateway = Gateway(configuration(upstream.url))
        with pytest.raises(Broken):
            await gateway(dict(HTTP), receive, send)
        await upstream.until(lambda: upstream.open == 0)


@both_forms
async def test_expect_continue(form: str) -> None:
    """A client that waits for 100 Continue gets it, and its body arrives.

    103 follows where the server can pass it on; uvicorn cannot.
    """

    async def count(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        await peer.answer(b"%d" % len(request.body))

    async with (
        ScriptedUpstream(count) as upstream,
        serve(Gateway(configuration(upstream.url))) as port,
        Client(port) as client,
    ):
        await client.send(
            b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 4\r\n"
            b"expect: 100-continue\r\n\r\n"
        )
        assert (await client.head()).status == 100
        await client.send(b"body")
        if form != "asgi":
            assert (await client.head()).head.startswith(
                b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n"
            )
        assert (await client.reply()).body == b"4"
