"""`wasmgate.limits.hit`: limits counted where everybody sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wasmgate.callouts.limits_hit import STRATEGIES, LimitsHit

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


async def test_strategies_do_not_share_keys() -> None:
    """What one remembers means nothing to another."""
    limits = LimitsHit("memory://")
    answers = [await hit(limits, strategy=strategy, cost=2) for strategy in STRATEGIES]
    assert [each["allowed"] for each in answers] == [True, True, True]


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": "often"},
        {"limit": 5},
        {"key": 1},
        {"key": "x" * 1025},
        {"key": "\ud800"},
        {"cost": 0},
        {"cost": 1_000_001},
        {"cost": 1_001, "strategy": "moving-window"},
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
