"""Configurations in use, and how one takes another's place."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.gateway.calling import call
from tests.gateway.guests import REFUSES, REQUEST_HEAD, with_policy
from tests.gateway.scripted_upstream import ScriptedUpstream, in_halves
from tests.gateway.serving import Client, ask, both_forms, configuration, serve
from wasmgate.errors import ConfigError, PolicyLoadError
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import Message


@both_forms
async def test_round_robin() -> None:
    """Requests are spread over the endpoints of a cluster in turn."""
    async with ScriptedUpstream() as one, ScriptedUpstream() as other:
        async with serve(Gateway(configuration(one.url, other.url))) as port:
            for _ in range(4):
                await ask(port)
        assert [len(one.requests), len(other.requests)] == [2, 2]


@both_forms
async def test_prefix_rewrite() -> None:
    """A route's prefix is replaced on the way to the upstream, the rest stays byte for byte."""
    route = {"match": {"prefix": "/v1/"}, "cluster": "site", "prefix_rewrite": "/"}
    async with ScriptedUpstream() as upstream:
        async with serve(Gateway(configuration(upstream.url, routes=[route]))) as port:
            reply = await ask(port, b"/v1/a%2Fb?x=%20")
        assert reply.body == b"GET /a%2Fb?x=%20 HTTP/1.1"


@both_forms
async def test_transport_in_place_of_the_network() -> None:
    """A cluster is served by the transport that was given for it."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.url.raw_path)

    config = configuration("http://app")
    gateway = Gateway(config, transports={"site": httpx.MockTransport(answer)})
    async with serve(gateway) as port:
        assert (await ask(port, b"/a%2Fb?c")).body == b"/a%2Fb?c"


async def test_transport_for_no_cluster() -> None:
    """A transport under a name that no cluster has is a mistake."""
    transports = {"sight": httpx.MockTransport(lambda _: httpx.Response(200))}
    with pytest.raises(ConfigError, match="sight"):
        Gateway(configuration("http://app"), transports=transports)


async def test_broken_policy() -> None:
    """A policy that cannot be loaded is refused when the gateway is made."""
    policies = {"guest": {"module": __file__ + "/../serving.py"}}
    with pytest.raises((PolicyLoadError, ConfigError)):
        Gateway(configuration("http://127.0.0.1:1", policies=policies))


@both_forms
async def test_reload_loses_nothing(tmp_path: Path) -> None:
    """Requests that run while policies and routes are replaced all end, each on one of them."""
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        gateway = Gateway(configuration(old.url))
        statuses: list[tuple[int, bytes]] = []
        done = False

        async def hammer(port: int) -> None:
            async with Client(port) as client:
                while not done:
                    await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
                    reply = await client.reply()
                    statuses.append((reply.status, reply.body))

        async with serve(gateway) as port:
            clients = [asyncio.ensure_future(hammer(port)) for _ in range(4)]
            policy = with_policy(tmp_path, REFUSES, REQUEST_HEAD)
            await gateway.reload(configuration(new.url))
            await gateway.reload(configuration(new.url, **policy))
            await gateway.reload(configuration(new.url))
            count = len(statuses)
            await new.until(lambda: len(statuses) > count + 20)
            done = True
            await asyncio.gather(*clients)
        assert set(statuses) <= {(200, b"GET / HTTP/1.1"), (403, b"refused")}
        await old.until(lambda: old.open == 0)


@both_forms
async def test_reload_spares_what_runs() -> None:
    """A response that began before a reload ends on the old upstream."""
    finish = asyncio.Event()
    async with ScriptedUpstream(in_halves(finish)) as old, ScriptedUpstream() as new:
        gateway = Gateway(configuration(old.url))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
            await old.until(lambda: bool(old.requests))
            await gateway.reload(configuration(new.url))
            assert (await ask(port)).body == b"GET / HTTP/1.1"
            finish.set()
            assert (await client.reply()).body == b"old!"


@both_forms
async def test_refused_reload(tmp_path: Path) -> None:
    """A configuration that cannot be used changes nothing."""
    bad = tmp_path / "bad.wasm"
    bad.write_bytes(b"\0asm\1\0\0\0")
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway) as port:
            policies = {"bad": {"module": str(bad)}}
            with pytest.raises(PolicyLoadError, match="bad"):
                await gateway.reload(configuration("http://127.0.0.1:1", policies=policies))
            assert (await ask(port)).status == 200


async def test_two_event_loops() -> None:
    """One gateway serves several event loops, each over connections of its own."""
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url))
        await call(gateway, [])
        sent: list[list[Message]] = []
        thread = threading.Thread(target=lambda: sent.append(asyncio.run(_once(gateway))))
        thread.start()
        await asyncio.to_thread(thread.join)
        await call(gateway, [])
        assert (sent[0][0]["status"], len(upstream.peers)) == (200, 2)


async def _once(gateway: Gateway) -> list[Message]:
    sent = await call(gateway, [])
    await call(gateway, [{"type": "lifespan.shutdown"}], type="lifespan")
    return sent
