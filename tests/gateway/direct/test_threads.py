"""Threads that serve: what they share, and what they do not wait for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.direct.gate import GET, OK, gate
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, sends
from tests.gateway.serving import Client, ask, configuration
from wasmgate import ConfigError
from wasmgate.cli.listener import listen
from wasmgate.gateway import Gateway
from wasmgate.gateway.standalone import KEEP_ALIVE, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EMPTY = sends(OK + b"content-length: 0\r\n\r\n")
LIMIT: dict[str, Any] = {
    "policies": {
        "limit": {
            "module": "rate_limit",
            "configuration": {"limit": "1/hour", "burst": 10, "key": "address"},
        }
    },
    "default_policies": ["limit"],
}


@contextlib.asynccontextmanager
async def served(
    gateway: Gateway, threads: int, *, keep_alive: float = KEEP_ALIVE
) -> AsyncIterator[tuple[int, Server]]:
    """Serve on so many threads; gives the port."""
    listening = listen("127.0.0.1", 0, sockets=threads)
    listeners = [[each] for each in listening.open(threads)]
    server = Server(gateway, listeners, keep_alive=keep_alive).start()
    port = listening.address[1]
    listening.close()
    try:
        yield port, server
    finally:
        server.drain(1)
        await server.wait()


async def test_a_limit_is_exact_over_all_threads() -> None:
    """A burst that reaches every thread passes as often as one that reaches a single one."""
    async with ScriptedUpstream(EMPTY) as upstream:
        gateway = Gateway(configuration(upstream.url, **LIMIT))
        async with served(gateway, 4) as (port, _):
            replies = await asyncio.gather(*(ask(port) for _ in range(64)))
            assert gateway.instances == 4
    statuses = Counter(reply.status for reply in replies)
    assert statuses == {200: 10, 429: 54}


async def test_clients_are_on_every_thread() -> None:
    """The kernel deals them out: of 64 each of four threads has some."""
    async with ScriptedUpstream(EMPTY) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with served(gateway, 4) as (port, server), contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(port)) for _ in range(64)]
            for client in clients:
                await client.send(GET)
            assert [(await client.reply()).status for client in clients] == [200] * 64
            assert (len(server.report()[1]), server.requests) == (4, 64)


async def test_an_event_loop_that_is_stuck_holds_nothing_up() -> None:
    """Requests are served while the loop does nothing but compute."""
    done: list[int] = []

    def requests(port: int) -> None:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(GET)
                done.append(int(client.recv(64).split()[1]))

    upstream = socket.create_server(("127.0.0.1", 0))
    answering = threading.Thread(target=_answer, args=(upstream,), daemon=True)
    answering.start()
    endpoint = "http://{}:{}".format(*upstream.getsockname())
    async with served(Gateway(configuration(endpoint)), 2) as (port, _):
        await ask(port)
        asking = threading.Thread(target=requests, args=(port,))
        asking.start()
        while asking.is_alive():  # the loop has no turn meanwhile
            sum(range(10_000))
    upstream.close()
    assert done == [200] * 20


def _answer(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_answer_one, args=(client,), daemon=True).start()


def _answer_one(client: socket.socket) -> None:
    with client, contextlib.suppress(OSError):
        while client.recv(65536):
            client.sendall(OK + b"content-length: 0\r\n\r\n")


async def test_a_reload_reaches_every_thread() -> None:
    """No request is lost meanwhile, and the old policies are gone from all of them."""
    async with ScriptedUpstream(EMPTY) as upstream:
        gateway = Gateway(configuration(upstream.url, **LIMIT))
        async with served(gateway, 4) as (port, _), contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(port)) for _ in range(16)]
            for turn in range(5):
                limits = LIMIT["policies"]["limit"]["configuration"] | {"burst": 1000 + turn}
                policy = {"module": "rate_limit", "configuration": limits}
                await gateway.reload(
                    configuration(upstream.url, **(LIMIT | {"policies": {"limit": policy}}))
                )
                for client in clients:
                    await client.send(GET)
                assert {(await client.reply()).status for client in clients} == {200}
            async with asyncio.timeout(5):
                while gateway.instances != 4:
                    await asyncio.sleep(0.01)


async def test_a_name_is_looked_up() -> None:
    """Off the thread; one that is not there is answered 502 and logged."""
    async with ScriptedUpstream(EMPTY) as upstream:
        port = upstream.url.rpartition(":")[2]
        async with gate(clusters={"site": {"endpoints": [f"http://localhost:{port}"]}}) as (at, _):
            assert (await ask(at)).status == 200
    async with gate(clusters={"site": {"endpoints": ["http://nowhere.invalid"]}}) as (at, _):
        assert (await ask(at)).status == 502


async def test_what_is_no_certificate(tmp_path: Any) -> None:  # noqa: ANN401 (a path)
    """It is refused before anything is taken over."""
    path = tmp_path / "empty.pem"
    path.write_text("")
    gateway = Gateway(configuration("http://127.0.0.1:1"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(ConfigError, match=r"empty\.pem: the file is empty"):
            Server(gateway, [[listener]], certificate=(path, path))
        assert listener.fileno() >= 0


async def test_a_refusal_of_one_exchange_is_not_the_next_ones() -> None:
    """The wait for a connection and the route end at once, while the next requests wait."""

    async def silence(peer: Peer) -> None:
        await peer.head()
        await peer.reader.read()

    async def echo(peer: Peer) -> None:
        while True:
            path = (await peer.request()).head.split()[1]
            await asyncio.sleep(0.02)
            await peer.answer(path)

    async with ScriptedUpstream(silence) as full, ScriptedUpstream(echo) as idle:
        clusters = {
            "full": {"endpoints": [full.url], "connections": 1, "connect_timeout": "200ms"},
            "idle": {"endpoints": [idle.url]},
        }
        routes = [
            {"match": {"prefix": "/hold"}, "cluster": "full"},
            {"match": {"prefix": "/full"}, "cluster": "full", "timeout": "200ms"},
            {"match": {"prefix": "/"}, "cluster": "idle"},
        ]
        gateway = Gateway(configuration("http://unused", clusters=clusters, routes=routes))
        async with served(gateway, 1) as (port, _), Client(port) as holding:
            await holding.send(GET.replace(b"/", b"/hold", 1))
            await full.until(lambda: bool(full.requests))
            for _ in range(10):
                assert (await ask(port)).body == b"/"
                async with Client(port) as first, Client(port) as second:
                    await first.send(GET.replace(b"/", b"/hold", 1))
                    for path in (b"/full", b"/b", b"/c"):
                        await second.send(GET.replace(b"/", path, 1))
                    replies = [await second.reply() for _ in range(3)]
                assert replies[0].status == 504
                assert [reply.body for reply in replies[1:]] == [b"/b", b"/c"]
