"""The event loop's engine: what it leaves behind, and what it does not hold up."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream
from tests.gateway.serving import Client, configuration, serve
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import ConnectError, UpstreamError
from wasmgate.gateway import Gateway
from wasmgate.upstream import HttpUpstream


def closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


async def test_many_endpoints_that_cannot_be_reached(client: HttpUpstream) -> None:
    """Each request has its own error, however many endpoints there are."""
    port = closed_port()
    urls = [f"http://127.0.{number}.1:{port}" for number in range(100)]
    begun = [client.begin(Request(endpoint=url), b"", end=True) for url in urls]
    answers = await asyncio.gather(*map(read_body, begun), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectError] * 100


async def closes_at_once(peer: Peer) -> None:
    """Script: close a connection that was just made."""
    peer.close()


async def speaks_first(peer: Peer) -> None:
    """Script: say something before anything was asked."""
    await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    await peer.reader.read()


@pytest.mark.parametrize("script", [closes_at_once, speaks_first])
async def test_a_new_connection_that_is_of_no_use_is_the_answer(
    client: HttpUpstream, script: Script
) -> None:
    """It is not tried again and again."""
    async with ScriptedUpstream(script) as upstream:
        for _ in range(20):
            with pytest.raises(UpstreamError):
                await read_body(client.begin(Request(endpoint=upstream.url), b"", end=True))
        assert len(upstream.peers) <= 20


async def test_a_fast_download_leaves_the_loop_to_others(client: HttpUpstream) -> None:
    """Others have their turn at least once in so many bytes."""
    size, turns = 64 * 1024 * 1024, 0

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(64):
            await peer.send(bytes(size // 64))

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with ScriptedUpstream(script) as upstream:
        beside = asyncio.ensure_future(other())
        transaction = client.begin(Request(endpoint=upstream.url), b"", end=True)
        assert len(await read_body(transaction)) == size
        beside.cancel()
        assert turns > 64


@pytest.mark.parametrize("wait", [0.32, 0.45])
async def test_time_that_is_over_before_the_body_comes(wait: float) -> None:
    """A body that begins after the route's time is a 504."""
    async with ScriptedUpstream() as upstream:
        routes = [{"match": {"prefix": "/"}, "cluster": "site", "timeout": "300ms"}]
        async with (
            serve(Gateway(configuration(upstream.url, routes=routes))) as port,
            Client(port) as slow,
        ):
            await slow.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n")
            await asyncio.sleep(wait)
            await slow.send(b"ok")
            assert (await slow.reply()).status == 504


def test_a_loop_that_is_closed_leaves_nothing() -> None:
    """No descriptor of its engine, however many loops there were."""

    async def one() -> None:
        async with ScriptedUpstream() as upstream:
            client = HttpUpstream()
            await read_body(client.begin(Request(endpoint=upstream.url), b"", end=True))
            client.close()

    def descriptors() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    asyncio.run(one())
    before = descriptors()
    for _ in range(10):
        asyncio.run(one())
    assert descriptors() <= before


FORKED = """
import asyncio, gc, os
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.upstream import HttpUpstream

async def main():
    global client
    async with ScriptedUpstream() as upstream:
        client = HttpUpstream()
        request = Request(endpoint=upstream.url)
        await read_body(client.begin(request, b"", end=True))
        if (child := os.fork()) == 0:
            del client
            gc.collect()
            os._exit(0)
        os.waitpid(child, 0)
        print(await asyncio.wait_for(read_body(client.begin(request, b"", end=True)), 2))

asyncio.run(main())
"""


def test_a_forked_process_gives_nothing_up() -> None:
    """Connections that a child drops go on here."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("b'GET / HTTP/1.1'\n", "")
