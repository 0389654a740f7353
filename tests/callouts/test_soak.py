"""Many requests over sockets, whose callouts go wrong in every way: nothing is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import REQUEST, Setting, answers, asking, middleware, written
from tests.callouts.servers import needs_redis, redis
from tests.callouts.test_performer import answers_late, answers_twice, hangs_up, never_whole
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client, ask, serve
from tests.native.callout_guests import Texts, caller
from tests.native.test_memory import MEGABYTE, resident
from wasmgate import Gateway, GatewayConfig
from wasmgate._native import held_bytes, kept_streams, pending_callouts
from wasmgate.callouts.performer import _LOOPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from wasmgate._native import Host

pytestmark = pytest.mark.parametrize("name", ["middleware", "gateway", "direct"])

GET = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"
SCRIPTS = [answers_twice, answers_late, never_whole, hangs_up, silent]
REQUESTS, AT_ONCE = 60, 12


@dataclass
class Placed:
    """A policy that is served."""

    host: Host
    port: int

    def counted(self) -> dict[str, int]:
        """Count what could leak, but for the connections of others."""
        (policy,) = self.host.policies()
        gc.collect()
        shared = _LOOPS.get(asyncio.get_running_loop())
        return {
            "tasks": sum("ScriptedUpstream" not in repr(task) for task in asyncio.all_tasks()),
            "pending": pending_callouts(),
            "running": len(shared.running) if shared else 0,
            "in_flight": shared.admission.in_flight if shared else 0,
            "instances": self.host.instances(),
            "contexts": self.host.contexts(),
            "streams": kept_streams(),
            "buffers": held_bytes(),
            "memory": policy.memory,
        }


@contextlib.asynccontextmanager
async def placed(name: str, setting: Setting) -> AsyncIterator[Placed]:
    """Serve the policy in this process."""
    if name == "middleware":
        app = middleware(setting)
        async with serve(app, http="httptools") as port:
            yield Placed(app.host, port)
        return
    async with ScriptedUpstream(answers) as site:
        gateway = Gateway(GatewayConfig.model_validate(written(setting, site.url)))
        http = "httptools" if name == "gateway" else "direct"
        async with serve(gateway, http=http) as port:
            yield Placed(gateway._host, port)
            await until(lambda: site.open <= AT_ONCE)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


async def one(port: int, number: int) -> None:
    """Make a request; every fourth client does not wait for its answer."""
    if number % 4:
        assert (await ask(port)).status == 200
        return
    async with Client(port) as client:
        await client.send(GET)
        await asyncio.sleep(0.02)


async def many(port: int) -> None:
    """Make the requests, some at once."""
    numbers = iter(range(REQUESTS))

    async def some() -> None:
        for number in numbers:
            await one(port, number)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def test_http_calls_that_go_wrong(name: str, tmp_path: Path) -> None:
    """All that is counted is as after the first request, and memory does not grow further."""
    async with ScriptedUpstream(*(SCRIPTS * REQUESTS)) as auth:
        module = asking(tmp_path, "auth", timeout=150)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with placed(name, setting) as it:
            assert (await ask(it.port)).status == 200
            await until(lambda: auth.open == 0)
            before = it.counted()
            await many(it.port)
            await until(lambda: auth.open == 0)
            resident_before = resident()
            await many(it.port)
            await until(lambda: auth.open == 0)
            await until(lambda: it.counted() == before)
            assert len(auth.requests) > REQUESTS
            assert resident() - resident_before < 4 * MEGABYTE


@needs_redis
async def test_a_redis_that_goes_away(
    name: str, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Requests go on before, while and after; the policy hears that there is no answer."""
    texts = Texts()
    module = tmp_path / "guest.wasm"
    async with redis(tmp_path) as server:
        where = f"127.0.0.1:{server.port}".encode()
        body = texts.redis_init(where, password=b"") + texts.redis_call(where)
        module.write_bytes(caller(texts, REQUEST, body))
        setting = Setting(module=module, clusters={}, net=(where.decode(),))
        async with placed(name, setting) as it:
            assert (await ask(it.port)).status == 200
            before = it.counted()
            soak = asyncio.ensure_future(many(it.port))
            await until(lambda: sum("PONG" in line for line in said()) > REQUESTS / 4)
            await server.stop()
            await soak
            assert (await ask(it.port)).status == 200
            assert any(line.startswith("redis_call_response 1") for line in said())
            await until(lambda: it.counted() == before)
