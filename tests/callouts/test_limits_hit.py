"""`wasmgate.limits.hit`: limits counted where everybody sees them."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.callouts.servers import free_port, needs_redis, redis
from wasmgate.callouts.failure import CalloutFailed
from wasmgate.callouts.limits_hit import STRATEGIES, LimitsHit

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("limits", reason="the package limits is not installed")


async def hit(limits: LimitsHit, policy: str = "guest", **arguments: object) -> Any:  # noqa: ANN401
    """Count a hit of "ada", 2 a minute unless said otherwise."""
    said = {"key": "ada", "limit": "2/minute"} | arguments
    return json.loads(await limits(policy, json.dumps(said).encode()))


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_hits_count(strategy: str) -> None:
    """Up to the limit."""
    limits = LimitsHit("memory://")
    answers = [await hit(limits, strategy=strategy) for _ in range(3)]
    assert [each["allowed"] for each in answers] == [True, True, False]
    assert [each["remaining"] for each in answers] == [1, 0, 0]


async def test_a_hit_may_cost_more() -> None:
    """It is allowed only when there is room for all of it."""
    limits = LimitsHit("memory://")
    costs = [await hit(limits, cost=cost, strategy="moving-window") for cost in (3, 2, 1)]
    assert [each["allowed"] for each in costs] == [False, True, False]


async def test_policies_do_not_share_keys() -> None:
    """One cannot use up what another counts."""
    limits = LimitsHit("memory://")
    await hit(limits, cost=2)
    assert not (await hit(limits))["allowed"]
    assert (await hit(limits, policy="other"))["allowed"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": "often"},
        {"limit": 5},
        {"key": 1},
        {"key": "x" * 1025},
        {"cost": 0},
        {"cost": True},
        {"cost": "1"},
        {"strategy": "leaky"},
    ],
)
async def test_arguments_that_cannot_be_used(arguments: dict[str, Any]) -> None:
    """Are answered with what is wrong."""
    assert list(await hit(LimitsHit("memory://"), **arguments)) == ["error"]


@pytest.mark.parametrize("arguments", [b"", b"[]", b"{}", b"\xff", b"1", b'{"key": "a"}'])
async def test_what_is_no_object(arguments: bytes) -> None:
    """The same."""
    answer = json.loads(await LimitsHit("memory://")("guest", arguments))
    assert answer == {"error": "the arguments must be an object of JSON with key and limit"}


@needs_redis
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_workers_share_a_redis(tmp_path: Path, strategy: str) -> None:
    """Each has a connection, and they count together."""
    pytest.importorskip("redis", reason="the package redis is not installed")
    async with redis(tmp_path) as server:
        workers = [LimitsHit(f"redis://127.0.0.1:{server.port}") for _ in range(2)]
        hits = [hit(workers[n % 2], strategy=strategy, limit="3/minute") for n in range(8)]
        answers = await asyncio.gather(*hits)
        for worker in workers:
            await worker.close()
    assert sum(each["allowed"] for each in answers) == 3


async def test_a_storage_that_does_not_answer() -> None:
    """Is a failure whose text has no URL in it."""
    pytest.importorskip("redis", reason="the package redis is not installed")
    limits = LimitsHit(f"redis://:opensesame@127.0.0.1:{free_port()}")
    with pytest.raises(CalloutFailed, match="the storage of limits does not answer") as failed:
        await hit(limits)
    assert "sesame" not in str(failed.value)


async def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure says what to install."""
    monkeypatch.setitem(sys.modules, "limits", None)
    with pytest.raises(CalloutFailed, match=r"pip install 'wasmgate\[limits\]'"):
        await hit(LimitsHit("memory://"))
