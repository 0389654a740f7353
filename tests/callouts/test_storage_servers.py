"""`wasmgate.limits.hit` in every kind of server that its URL may name."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.callouts.servers import free_port
from tests.callouts.storage_servers import (
    FORMS,
    HOST,
    SERVICE,
    asked,
    cluster,
    memcached,
    program,
    sentinel,
    storage,
    until,
)
from tests.callouts.test_limits_hit import hit
from wasmgate.callouts.failure import CalloutFailed
from wasmgate.callouts.limits_hit import STRATEGIES, LimitsHit

for package in ("limits", "redis", "valkey", "memcachio"):
    pytest.importorskip(package, reason=f"the package {package} is not installed")

SENTINELS = ("redis+sentinel", "valkey+sentinel")
CLUSTERS = ("redis+cluster", "valkey+cluster")
DESCRIPTORS = Path("/proc/self/fd")


@pytest.mark.parametrize("form", FORMS)
async def test_workers_count_together(form: str, tmp_path: Path) -> None:
    """Each has connections of its own; what is left is what the server knows."""
    async with storage(form, tmp_path) as url:
        workers = [LimitsHit(url) for _ in range(2)]
        strategies = [s for s in STRATEGIES if (form, s) != ("memcached", "moving-window")]
        counted = {}
        for strategy in strategies:
            said: dict[str, Any] = {"strategy": strategy, "limit": "3/hour"}
            first = await hit(workers[0], **said)
            rest = await asyncio.gather(*(hit(workers[n % 2], **said) for n in range(7)))
            last = await hit(workers[1], **said)
            allowed = [each["allowed"] for each in (first, *rest, last)]
            counted[strategy] = (first["remaining"], sum(allowed), last["remaining"])
        for worker in workers:
            await worker.close()
    assert counted == dict.fromkeys(strategies, (2, 3, 0))


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="only Linux shows what a process has open")
@pytest.mark.parametrize("form", FORMS)
async def test_close_leaves_no_connection(form: str, tmp_path: Path) -> None:
    """Neither to the servers nor to those who know them."""
    async with storage(form, tmp_path) as url:
        before = sockets()
        limits = LimitsHit(url)
        await asyncio.gather(*(hit(limits, strategy=s, key=s) for s in STRATEGIES))
        assert sockets() > before
        await limits.close()
        async with asyncio.timeout(20):
            while sockets() != before:
                await asyncio.sleep(0.01)


def sockets() -> int:
    """Count those of this process."""
    count = 0
    for each in DESCRIPTORS.iterdir():
        with contextlib.suppress(OSError):  # it was that of the folder itself
            count += str(each.readlink()).startswith("socket:")
    return count


@pytest.mark.parametrize("form", [form for form in FORMS if "unix" not in form])
async def test_nobody_listens(form: str) -> None:
    """The failure has no URL in it, and so no password."""
    end = f"/{SERVICE}" if form in SENTINELS else ""
    limits = LimitsHit(f"{form}://user:opensesame@{HOST}:{free_port()}{end}")
    with pytest.raises(CalloutFailed, match="the storage of limits does not answer") as failed:
        await hit(limits)
    await limits.close()
    assert "sesame" not in str(failed.value)


@pytest.mark.parametrize("form", CLUSTERS)
async def test_keys_are_on_all_nodes_of_a_cluster(form: str, tmp_path: Path) -> None:
    """Whichever node it is, it counts."""
    async with cluster(program(form), form, tmp_path) as url:
        limits = LimitsHit(url)
        keys = [str(number) for number in range(32)]
        answers = await asyncio.gather(
            *(hit(limits, key=key, strategy=s, limit="1/hour") for key in keys for s in STRATEGIES)
        )
        await limits.close()
        nodes = url.partition("://")[2].split(",")
        sizes = [await asked(int(node.rpartition(":")[2]), "DBSIZE") for node in nodes]
    assert [each["allowed"] for each in answers] == [True] * len(answers)
    assert b":0\r\n" not in sizes


@pytest.mark.parametrize("form", CLUSTERS)
async def test_the_nodes_of_a_cluster_have_one_password(form: str, tmp_path: Path) -> None:
    """It is written as everywhere in a URL."""
    async with cluster(program(form), form, tmp_path) as url:
        _, _, addresses = url.partition("://")
        nodes = await asked(int(addresses.rpartition(":")[2]), "CLUSTER NODES")
        for port in re.findall(rb"127\.0\.0\.1:(\d+)@", nodes):
            await asked(int(port), "CONFIG SET requirepass open@sesame")
        limits = LimitsHit(f"{form}://:open%40sesame@{addresses}")
        answers = [await hit(limits, key=key) for key in "abcdef"]
        await limits.close()
    assert [each["allowed"] for each in answers] == [True] * 6


@pytest.mark.parametrize("form", SENTINELS)
async def test_a_failover_is_followed(form: str, tmp_path: Path) -> None:
    """The replica that takes over has the hits, and counts on."""
    async with sentinel(program(form), form, tmp_path) as url:
        port = int(url.rpartition("/")[0].rpartition(":")[2])
        await until(port, f"SENTINEL REPLICAS {SERVICE}", b"master-link-status\r\n$2\r\nok")
        limits = LimitsHit(url)
        before = await hit(limits, limit="3/hour")
        where = f"SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}"
        primary = await asked(port, where)
        await asked(port, f"SENTINEL FAILOVER {SERVICE}")
        async with asyncio.timeout(60):
            while await asked(port, where) == primary:
                await asyncio.sleep(0.05)
        after = await hit(limits, limit="3/hour")
        await limits.close()
    assert (before["remaining"], after["remaining"]) == (2, 1)


@pytest.mark.parametrize("form", SENTINELS)
async def test_a_sentinel_and_its_servers_have_one_password(form: str, tmp_path: Path) -> None:
    """It is written as everywhere in a URL."""
    async with sentinel(program(form), form, tmp_path, password="open@sesame") as url:
        limits = LimitsHit(url.replace("open@sesame", "open%40sesame"))
        assert (await hit(limits))["allowed"]
        await limits.close()


async def test_a_key_is_no_command_of_memcached() -> None:
    """With any content it is only counted."""
    async with memcached(program("memcached")) as server:
        limits = LimitsHit(f"memcached://{HOST}:{server.port}")
        keys = ["a 0 0 1\r\n1\r\nset injected 0 0 1\r\n1", "x" * 1024, "two words", "ö", "\0"]
        answers = [await hit(limits, key=key) for key in keys for _ in range(3)]
        await limits.close()
        assert await asked(server.port, "get injected") == b"END\r\n"
    assert [each["allowed"] for each in answers] == [True, True, False] * len(keys)


@pytest.mark.parametrize(
    ("limit", "strategy", "answer"),
    [
        ("2/month", "fixed-window", "allowed"),
        ("2/year", "fixed-window", "error"),
        ("2 per 15 days", "sliding-window", "allowed"),
        ("2/month", "sliding-window", "error"),
        ("2/minute", "moving-window", "error"),
    ],
)
async def test_what_memcached_cannot_count(limit: str, strategy: str, answer: str) -> None:
    """Is said, where it would forget every hit at once."""
    async with memcached(program("memcached")) as server:
        limits = LimitsHit(f"memcached://{HOST}:{server.port}")
        answers = [await hit(limits, limit=limit, strategy=strategy) for _ in range(3)]
        await limits.close()
    allowed = [True, True, False] if answer == "allowed" else [None, None, None]
    assert [each.get("allowed") for each in answers] == allowed
    assert all(answer in each for each in answers)


async def test_a_memcached_comes_back() -> None:
    """Hits fail while it is away, and count again after."""
    path = program("memcached")
    async with memcached(path) as server:
        limits = LimitsHit(f"memcached://{HOST}:{server.port}")
        await hit(limits)
    with pytest.raises(CalloutFailed, match="the storage of limits does not answer"):
        await hit(limits)
    async with memcached(path, server.port):
        assert [(await hit(limits))["allowed"] for _ in range(3)] == [True, True, False]
        await limits.close()


async def test_a_memcached_that_is_silent_for_a_time() -> None:
    """Late responses are dropped."""
    async with memcached(program("memcached")) as server:
        limits = LimitsHit(f"memcached://{HOST}:{server.port}")
        await hit(limits, limit="5/hour")
        server.process.send_signal(signal.SIGSTOP)
        late = [asyncio.create_task(hit(limits, key=key, limit="9/hour")) for key in "abc"]
        await asyncio.sleep(0)
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        server.process.send_signal(signal.SIGCONT)
        answers = [await hit(limits, limit="5/hour") for _ in range(5)]
        await limits.close()
    assert [each["remaining"] for each in answers] == [3, 2, 1, 0, 0]
