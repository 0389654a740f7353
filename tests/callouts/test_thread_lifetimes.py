"""Calls on threads whose deployment goes: a reload, two, and a stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from tests.callouts.busy import computing, routed
from tests.callouts.places import Setting, answers, asking, written
from tests.gateway.direct.gate import GET
from tests.gateway.direct.test_threads import served
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client, ask, serve_on_threads
from tests.native.callout_guests import Texts, caller
from wasmgate import Gateway, GatewayConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gateway.scripted_upstream import Peer


def asking_always(folder: Path) -> Path:
    """Write a policy that asks when it starts, and again after each answer."""
    texts = Texts()
    ask_ = texts.http_call(timeout=60_000)
    module = folder / "guest.wasm"
    module.write_bytes(caller(texts, "proxy_on_configure", ask_, answer=1, on_answer=ask_))
    return module


def using(module: Path, auth: str, site: str) -> GatewayConfig:
    """Send everything through a policy that calls."""
    setting = Setting(module=module, clusters={"auth": auth}, net=("auth",))
    return GatewayConfig.model_validate(written(setting, site))


async def test_each_reload_ends_the_call_of_a_policy_that_stays(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """It hears of that, asks again in the new deployment, and nothing of the old one is left."""
    async with ScriptedUpstream(silent) as auth, ScriptedUpstream(answers) as site:
        config = using(asking_always(tmp_path), auth.url, site.url)
        gateway = Gateway(config)
        async with served(gateway, 1) as (port, _):
            for reloads in range(2):
                await auth.until(lambda n=reloads: len(auth.requests) == n + 1)  # type: ignore[misc]
                await auth.until(lambda: auth.open == 1)
                ended = [line for line in said() if line.startswith("http_call_response")]
                assert len(ended) == reloads
                await gateway.reload(config)
            assert (await ask(port)).status == 200


async def test_a_service_that_closes_after_two_reloads_ends_no_thread(tmp_path: Path) -> None:
    """The connection has served before, so the request is sent again, over a pool that is there."""
    closing = asyncio.Event()

    async def twice(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b"welcome")
        await peer.request()
        await closing.wait()
        peer.reset()

    async with ScriptedUpstream(twice) as auth, ScriptedUpstream(answers) as site:
        config = using(asking_always(tmp_path), auth.url, site.url)
        gateway = Gateway(config)
        async with served(gateway, 1) as (port, _):
            await auth.until(lambda: len(auth.requests) == 2)
            for _ in range(2):
                before = len(auth.requests)
                await gateway.reload(config)
                await auth.until(lambda n=before: len(auth.requests) >= n + 2)  # type: ignore[misc]
            closing.set()
            await auth.until(lambda: len(auth.requests) >= 8)
            assert (await ask(port)).status == 200


@pytest.mark.parametrize("cut", ["reset", "closed"])
async def test_a_client_and_a_service_that_leave_in_one_poll(tmp_path: Path, cut: str) -> None:
    """The client is the last one of its deployment, and its policy waits for the service."""

    async def second_time_not(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b"welcome")
        await peer.request()

    async with (
        ScriptedUpstream(second_time_not, answers) as auth,
        ScriptedUpstream(answers) as site,
    ):
        asks, computes = asking(tmp_path, "auth", timeout=60_000), computing(tmp_path)
        config = routed(asks, computes, auth.url, site.url)
        gateway = Gateway(config)
        async with served(gateway, 1) as (port, _), Client(port) as last:
            for count in (1, 2):
                await last.send(GET)
                await auth.until(lambda n=count: len(auth.requests) == n)  # type: ignore[misc]
                if count == 1:
                    assert (await last.reply()).status == 200
            await gateway.reload(config)
            async with Client(port) as other:
                await other.send(b"GET /compute HTTP/1.1\r\nhost: gate.test\r\n\r\n")
                await asyncio.sleep(0.1)  # the thread computes, and looks at no socket
                last.writer.transport.abort()
                (auth.peers[0].reset if cut == "reset" else auth.peers[0].close)()
                assert (await other.reply()).status == 200
            assert (await ask(port)).status == 200


@pytest.mark.parametrize("phase", ["proxy_on_done", "proxy_on_log", "proxy_on_delete"])
async def test_a_stop_sends_what_a_policy_says_of_the_last_request(
    tmp_path: Path, phase: str
) -> None:
    """The connection for it is to be made still."""
    released = asyncio.Event()

    async def waits(peer: Peer) -> None:
        await peer.request()
        await released.wait()
        await peer.answer()

    async with ScriptedUpstream(silent) as auth, ScriptedUpstream(waits) as site:
        texts = Texts()
        module = tmp_path / "guest.wasm"
        module.write_bytes(caller(texts, phase, texts.http_call()))
        gateway = Gateway(using(module, auth.url, site.url))
        async with served(gateway, 1) as (port, server), Client(port) as client:
            await client.send(GET)
            await site.until(lambda: len(site.requests) == 1)
            server.drain(10)
            released.set()
            assert (await client.reply()).status == 200
            await auth.until(lambda: len(auth.requests) == 1)


@pytest.mark.parametrize("end", ["reload", "stop"])
async def test_a_last_call_has_its_answer(
    tmp_path: Path, end: str, said: Callable[[], list[str]]
) -> None:
    """A proxy before the service drops a request whose connection is closed before its answer.

    The calls wait for the one connection that there may be.
    """
    slow = 0.05

    async def service(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(slow)
            await peer.answer(b"welcome")

    released = asyncio.Event()

    async def waits(peer: Peer) -> None:
        await peer.request()
        await released.wait()
        await peer.answer()

    async with ScriptedUpstream(service) as auth, ScriptedUpstream(waits) as site:
        texts = Texts()
        module = tmp_path / "guest.wasm"
        module.write_bytes(caller(texts, "proxy_on_log", texts.http_call(timeout=60_000)))
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        described = written(setting, site.url)
        described["clusters"]["auth"]["connections"] = 1
        config = GatewayConfig.model_validate(described)
        gateway = Gateway(config)
        async with served(gateway, 1) as (port, server), contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(port)) for _ in range(8)]
            for client in clients:
                await client.send(GET)
            await site.until(lambda: len(site.requests) == len(clients))
            if end == "reload":
                await gateway.reload(config)
            else:
                server.drain(10)
            released.set()
            assert [(await client.reply()).status for client in clients] == [200] * len(clients)
            await stack.aclose()
            await auth.until(lambda: "\n".join(said()).count("buffer 4 0 welcome") == len(clients))
    assert len(auth.requests) == 8


async def test_no_pool_is_left_of_a_deployment_that_is_gone(tmp_path: Path) -> None:
    """Its last client aborts, and its policy calls a cluster for the first time then."""
    async with ScriptedUpstream(answers) as auth, ScriptedUpstream(silent) as site:
        texts = Texts()
        module = tmp_path / "guest.wasm"
        module.write_bytes(caller(texts, "proxy_on_log", texts.http_call()))
        config = using(module, auth.url, site.url)
        gateway = Gateway(config)
        async with served(gateway, 1) as (port, server):
            for count in range(1, 4):
                async with Client(port) as client:
                    await client.send(GET)
                    await site.until(lambda n=count: len(site.requests) == n)  # type: ignore[misc]
                    await gateway.reload(config)
                await auth.until(lambda n=count: len(auth.requests) == n)  # type: ignore[misc]
            async with asyncio.timeout(10):
                while server.report()[1]:
                    await asyncio.sleep(0.02)


async def test_a_policy_that_is_gone_calls_no_cluster_of_the_new_configuration(
    tmp_path: Path,
) -> None:
    """It asks again in each answer, also in the one that says that its deployment is gone."""
    async with (
        ScriptedUpstream(silent) as auth,
        ScriptedUpstream(answers) as other,
        ScriptedUpstream(answers) as site,
    ):
        gateway = Gateway(using(asking_always(tmp_path), auth.url, site.url))
        clusters = {"site": {"endpoints": [site.url]}, "auth": {"endpoints": [other.url]}}
        routes = [{"match": {"prefix": "/"}, "cluster": "site"}]
        without = GatewayConfig.model_validate({"clusters": clusters, "routes": routes})
        async with served(gateway, 1) as (port, _):
            await auth.until(lambda: len(auth.requests) == 1)
            await gateway.reload(without)
            await auth.until(lambda: auth.open == 0)
            assert (await ask(port)).status == 200
            assert (len(auth.requests), len(other.requests)) == (1, 0)


async def test_ticks_of_a_policy_that_stays_call_the_new_cluster(tmp_path: Path) -> None:
    """Also while a client holds the deployment from before."""
    texts = Texts()
    module = tmp_path / "guest.wasm"
    start = (
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)'
        " (drop (call $period (i32.const 10))) (i32.const 1))"
    )
    module.write_bytes(caller(texts, "proxy_on_tick", texts.http_call(timeout=200), start))
    async with (
        ScriptedUpstream(answers) as auth,
        ScriptedUpstream(answers) as other,
        ScriptedUpstream(silent) as site,
    ):
        gateway = Gateway(using(module, auth.url, site.url))
        async with served(gateway, 1) as (port, _), Client(port) as client:
            await client.send(GET)
            await site.until(lambda: len(site.requests) == 1)
            await auth.until(lambda: len(auth.requests) > 0)
            await gateway.reload(using(module, other.url, site.url))
            before = len(auth.requests)
            await other.until(lambda: len(other.requests) >= 5)
            assert len(auth.requests) <= before + 1


async def test_a_stop_waits_no_longer_than_a_second_for_a_call(tmp_path: Path) -> None:
    """A service that accepts no connection does not hold up a grace of five minutes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # its backlog is full: the system answers no further SYN
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        texts = Texts()
        module = tmp_path / "guest.wasm"
        call = texts.http_call(timeout=60_000)
        module.write_bytes(caller(texts, "proxy_on_log", call))
        auth = "http://{}:{}".format(*listener.getsockname())
        async with ScriptedUpstream(answers) as site, asyncio.timeout(30):
            gateway = Gateway(using(module, auth, site.url))
            async with serve_on_threads(gateway, timeout_graceful_shutdown=300) as port:
                assert (await ask(port)).status == 200
