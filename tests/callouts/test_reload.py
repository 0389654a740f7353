"""A gateway that takes a new configuration while a callout of the old one is under way."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import (
    REQUEST,
    RESPONSE,
    Setting,
    answers,
    asking,
    welcomes,
    welcomes_after,
    written,
)
from tests.gateway.direct.pools import servers
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client, ask, both_forms, serve
from tests.native.callout_guests import Texts, caller
from wasmgate import Gateway, GatewayConfig
from wasmgate._native import pending_callouts
from wasmgate.callouts.performer import _LOOPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gateway.scripted_upstream import Peer, Script

pytestmark = both_forms

GET = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"


def using(module: Path, auth: str, site: str) -> GatewayConfig:
    """Send everything through a policy."""
    setting = Setting(module=module, clusters={"auth": auth}, net=("auth",))
    return GatewayConfig.model_validate(written(setting, site))


def without(site: str) -> GatewayConfig:
    """Send everything on as it is."""
    routes = [{"match": {"prefix": "/"}, "cluster": "site"}]
    clusters = {"site": {"endpoints": [site]}}
    return GatewayConfig.model_validate({"clusters": clusters, "routes": routes})


def pending(gateway: Gateway) -> int:
    """Count the callouts that wait for an answer, on all threads."""
    return pending_callouts() + sum(its.pending_callouts() for its in servers(gateway))


async def gone(gateway: Gateway) -> None:
    """Wait until there are no instances and no callouts."""
    async with asyncio.timeout(10):
        while gateway.instances or pending(gateway):
            gc.collect()
            await asyncio.sleep(0.02)


async def test_a_request_that_waits_ends_with_its_policy(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Its callout goes on beside the new configuration; then nothing is left of the old one."""
    released = asyncio.Event()
    async with (
        ScriptedUpstream(welcomes_after(released)) as auth,
        ScriptedUpstream(answers) as site,
    ):
        gateway = Gateway(using(asking(tmp_path, "auth", timeout=60_000), auth.url, site.url))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            await auth.until(lambda: len(auth.requests) == 1)
            assert pending(gateway) == 1
            await gateway.reload(without(site.url))
            assert (await ask(port)).status == 200
            assert pending(gateway) == 1
            released.set()
            assert (await client.reply()).status == 200
            assert "buffer 4 0 welcome" in said()
            await gone(gateway)
            await auth.until(lambda: auth.open == 0)


def asking_twice(folder: Path, *, of_stream: bool) -> Path:
    """Write a policy that asks once more after the first answer; `of_stream`: for the request."""
    texts = Texts()
    again = texts.http_call(timeout=5_000)
    context = "(drop (call $effective (global.get $asked)))" if of_stream else ""
    on_answer = f"""(if (i32.eqz (global.get $n)) (then
        (global.set $n (i32.const 1)) {context} {again} (return)))"""
    module = folder / "guest.wasm"
    first = texts.http_call(timeout=5_000)
    module.write_bytes(caller(texts, REQUEST, first, on_answer=on_answer))
    return module


def welcoming(released: asyncio.Event) -> Script:
    """Script: answer every request, none before it may."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await released.wait()
            await peer.answer(b"welcome")

    return script


@pytest.mark.parametrize("of_stream", [True, False], ids=["of the request", "of no request"])
@pytest.mark.parametrize("later", ["gone", "elsewhere"])
async def test_what_an_answer_causes_reaches_the_clusters_of_before(
    tmp_path: Path, later: str, *, of_stream: bool
) -> None:
    """The new configuration has not that cluster any more, or has it at another endpoint."""
    released = asyncio.Event()
    async with (
        ScriptedUpstream(welcoming(released)) as auth,
        ScriptedUpstream(welcomes) as other,
        ScriptedUpstream(answers) as site,
    ):
        module = asking_twice(tmp_path, of_stream=of_stream)
        gateway = Gateway(using(module, auth.url, site.url))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            await auth.until(lambda: len(auth.requests) == 1)
            new = using(module, other.url, site.url) if later == "elsewhere" else without(site.url)
            await gateway.reload(new)
            released.set()
            assert (await client.reply()).status == 200
            assert (len(auth.requests), len(other.requests)) == (2, 0)


@pytest.mark.parametrize("later", ["gone", "elsewhere"])
async def test_a_later_phase_reaches_the_clusters_of_before(tmp_path: Path, later: str) -> None:
    """A request that began before: its response asks those that the request could ask."""
    released = asyncio.Event()
    async with (
        ScriptedUpstream(welcomes) as auth,
        ScriptedUpstream(welcomes) as other,
        ScriptedUpstream(welcoming(released)) as site,
    ):
        module = asking(tmp_path, "auth", RESPONSE, timeout=5_000)
        gateway = Gateway(using(module, auth.url, site.url))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            await site.until(lambda: len(site.requests) == 1)
            new = using(module, other.url, site.url) if later == "elsewhere" else without(site.url)
            await gateway.reload(new)
            released.set()
            assert (await client.reply()).status == 200
            assert (len(auth.requests), len(other.requests)) == (1, 0)


async def test_a_callout_of_nobodys_request(tmp_path: Path) -> None:
    """One that a tick made ends with the policy."""
    texts = Texts()
    module = tmp_path / "guest.wasm"
    call = texts.http_call(timeout=60_000)
    tick = "(drop (call $period (i32.const 0)))" + call
    start = (
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)'
        " (drop (call $period (i32.const 10))) (i32.const 1))"
    )
    module.write_bytes(caller(texts, "proxy_on_tick", tick, start))
    async with ScriptedUpstream(silent) as auth, ScriptedUpstream(answers) as site:
        gateway = Gateway(using(module, auth.url, site.url))
        async with serve(gateway) as port:
            assert (await ask(port)).status == 200
            await auth.until(lambda: len(auth.requests) == 1)
            await gateway.reload(without(site.url))
            await auth.until(lambda: auth.open == 0)
            await gone(gateway)
            assert not _LOOPS[asyncio.get_running_loop()].running


async def test_a_policy_that_stays_hears_the_answer(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The same policy in the new configuration: the request that waits is answered."""
    released = asyncio.Event()
    async with (
        ScriptedUpstream(welcomes_after(released)) as auth,
        ScriptedUpstream(answers) as site,
    ):
        config = using(asking(tmp_path, "auth", REQUEST, timeout=60_000), auth.url, site.url)
        gateway = Gateway(config)
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            await auth.until(lambda: len(auth.requests) == 1)
            await gateway.reload(config)
            released.set()
            assert (await client.reply()).status == 200
            assert "buffer 4 0 welcome" in said()
            assert pending_callouts() == 0
