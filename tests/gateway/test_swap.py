"""Policies that are replaced while requests pass: nothing is lost, and nothing is kept too long."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.guests import HOLDS, REQUEST_HEAD, with_policy
from tests.gateway.scripted_upstream import ScriptedUpstream, in_halves
from tests.gateway.serving import Client, ask, both_forms, configuration, one_instance, serve
from tests.native.hostile import guest
from tests.native.test_tiers import COUNTED, COUNTS, RESPOND
from wasmgate import Policy
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = both_forms

GET = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMGATE_CACHE", str(tmp_path / "artifacts"))


def tagged(module: bytes, number: int) -> bytes:
    """Return a module that differs in a custom section only, so that no cache has it."""
    return module + bytes([0, 6, 1]) + b"n" + number.to_bytes(4, "little")


def using(path: Path, **configuration_of_policy: object) -> dict[str, Any]:
    """Send everything through the module at a path."""
    policy = {"module": str(path), "configuration": configuration_of_policy}
    return {"policies": {"guest": policy}, "default_policies": ["guest"]}


def versions(folder: Path) -> Iterator[dict[str, Any]]:
    """Write `rewrite` anew again and again, each time with a field that tells them apart."""
    module = Policy("rewrite").read()
    path = folder / "guest.wasm"
    number = 0
    while True:
        path.write_bytes(tagged(module, number))
        fields = {"set": {"x-version": str(number)}}
        yield using(path, response_headers=fields)
        number += 1


def resident() -> int:
    """Return the bytes of memory that this process has."""
    rollup = Path("/proc/self/smaps_rollup").read_text("ascii")
    line = next(line for line in rollup.splitlines() if line.startswith("Rss:"))
    return int(line.split()[1]) << 10


async def test_modules_never_seen_under_load(tmp_path: Path) -> None:
    """Each reload is in force when it returns, and no request fails."""
    replies: list[tuple[int, bytes]] = []
    done = False

    async def hammer(port: int) -> None:
        async with Client(port) as client:
            while not done:
                await client.send(GET)
                reply = await client.reply()
                replies.append((reply.status, reply.values(b"x-version")[0]))

    async with ScriptedUpstream() as upstream:
        configured = versions(tmp_path)
        gateway = Gateway(configuration(upstream.url, **next(configured)))
        async with serve(gateway) as port:
            clients = [asyncio.ensure_future(hammer(port)) for _ in range(8)]
            for number in range(1, 3):
                await gateway.reload(configuration(upstream.url, **next(configured)))
                assert (await ask(port)).values(b"x-version") == [b"%d" % number]
                wanted = len(replies) + 50
                while len(replies) < wanted:
                    await asyncio.sleep(0.001)
            done = True
            await asyncio.gather(*clients)
    assert {status for status, _ in replies} == {200}
    assert {version for _, version in replies} == {b"%d" % number for number in range(3)}


@one_instance
async def test_a_policy_that_is_the_same_remembers(tmp_path: Path) -> None:
    """Its instance goes on, until its module or its configuration is another."""
    path = tmp_path / "guest.wasm"
    path.write_bytes(guest(RESPOND, COUNTS))
    async with ScriptedUpstream() as one, ScriptedUpstream() as other:
        gateway = Gateway(configuration(one.url, **using(path)))
        async with serve(gateway) as port:
            statuses = [(await ask(port)).status]
            await gateway.reload(configuration(other.url, **using(path)))
            statuses.append((await ask(port)).status)
            await gateway.reload(configuration(other.url, **using(path, new=True)))
            statuses.append((await ask(port)).status)
            path.write_bytes(tagged(path.read_bytes(), 1))
            await gateway.reload(configuration(other.url, **using(path, new=True)))
            statuses.append((await ask(port)).status)
    assert statuses == [*COUNTED[:2], COUNTED[0], COUNTED[0]]


async def test_a_variable_that_changed_makes_another_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a policy may read was read when it was loaded."""
    path = tmp_path / "guest.wasm"
    path.write_bytes(guest(RESPOND, COUNTS))
    parts = using(path)
    parts["policies"]["guest"]["capabilities"] = {"env": ["WASMGATE_TEST"]}
    monkeypatch.setenv("WASMGATE_TEST", "1")
    gateway = Gateway(configuration("http://127.0.0.1:1", **parts))
    async with serve(gateway) as port:
        statuses = [(await ask(port)).status]
        monkeypatch.setenv("WASMGATE_TEST", "2")
        await gateway.reload(configuration("http://127.0.0.1:1", **parts))
        statuses.append((await ask(port)).status)
    assert statuses == [COUNTED[0]] * 2


async def test_a_request_that_a_policy_holds_outlives_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The policy stays, so the response to its tick's callout can wake the request."""
    caplog.set_level(logging.INFO, "wasmgate.policy")
    held = with_policy(tmp_path, HOLDS, REQUEST_HEAD, delay=300)
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        gateway = Gateway(configuration(old.url, **held))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(GET)
            while "held" not in caplog.messages:
                await asyncio.sleep(0.001)
            await gateway.reload(configuration(new.url, **held))
            assert (await client.reply()).status == 200
            assert (await ask(port)).status == 200
        assert (len(old.requests), len(new.requests)) == (1, 1)


@one_instance
async def test_an_old_instance_goes_with_its_last_request(tmp_path: Path) -> None:
    """It is there while a response is under way, and freed afterwards."""
    finish = asyncio.Event()
    configured = versions(tmp_path)
    async with ScriptedUpstream(in_halves(finish)) as old, ScriptedUpstream() as new:
        gateway = Gateway(configuration(old.url, **next(configured)))
        async with serve(gateway) as port:
            async with Client(port) as client:
                await client.send(GET)
                await old.until(lambda: bool(old.requests))
                await gateway.reload(configuration(new.url, **next(configured)))
                await ask(port)
                assert gateway.instances == 2
                finish.set()
                reply = await client.reply()
                assert (reply.body, reply.values(b"x-version")) == (b"old!", [b"0"])
            while gateway.instances > 1:
                await asyncio.sleep(0.01)


@one_instance
async def test_many_reloads_leave_nothing(tmp_path: Path) -> None:
    """One instance, and no more memory than a few reloads took."""
    async with ScriptedUpstream() as upstream:
        path = tmp_path / "guest.wasm"
        path.write_bytes(Policy("rewrite").read())
        gateway = Gateway(configuration(upstream.url, **using(path)))
        async with serve(gateway) as port:

            async def reload(number: int) -> None:
                fields = {"set": {"x-version": str(number)}}
                parts = using(path, response_headers=fields)
                await gateway.reload(configuration(upstream.url, **parts))
                assert (await ask(port)).values(b"x-version") == [b"%d" % number]

            for number in range(5):
                await reload(number)
            before = resident()
            for number in range(5, 30):
                await reload(number)
            while gateway.instances > 1:
                await asyncio.sleep(0.01)
            # The code alone of one generation is more than a megabyte.
            assert resident() - before < 10 * MEGABYTE
