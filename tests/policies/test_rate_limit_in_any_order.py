"""rate_limit.wasm in any order of requests, clock steps, reloads and routes.

Two things hold in any order of events: a client that was idle for one period passes, and a limit
admits at most its burst and what is refilled in the time.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wasmgate.policies import rate_limit
from wasmgate.testing import PolicyHost, StartedPolicies

SECOND, MINUTE, DAY = 1, 60, 86_400
LIMITS: list[tuple[dict[str, Any], int, list[tuple[int, float]]]] = [
    ({"limit": "3/second"}, SECOND, [(3, 1 / 3)]),
    ({"limit": "60/minute", "burst": 2}, MINUTE, [(2, 1.0)]),
    ({"limit": "10/minute"}, MINUTE, [(10, 6.0)]),
    ({"limit": "1000/day"}, DAY, [(1000, 86.4)]),
    ({"limit": "2/second;5/minute"}, MINUTE, [(2, 0.5), (5, 12.0)]),
    ({"limit": "10/minute", "key": {"header": "x-api-key"}}, MINUTE, [(10, 6.0)]),
]
"""Arguments, the longest period, and of each bucket its size and the seconds to one token."""

# Nanoseconds of a virtual clock are exact; the numbers above are floats.
ROUNDING = 1e-6


class Limiters(RuleBasedStateMachine):
    """Limiters of one name on one host: what routes, reloads and second policies have."""

    def __init__(self) -> None:
        super().__init__()
        self.host = PolicyHost(now=1_700_000_000)
        self.now = 0.0
        """Seconds of the monotonic clock, independent of the time of day."""
        self.started: dict[int, StartedPolicies] = {}
        self.asked: dict[tuple[int, int], float] = {}
        self.passed: dict[tuple[int, int], list[float]] = defaultdict(list)

    def send(self, limit: int, client: int) -> bool:
        """Send a request and note it."""
        if limit not in self.started:
            self.started[limit] = self.host.start(rate_limit(**LIMITS[limit][0]))
        exchange = self.started[limit].request(
            headers={"x-api-key": f"key {client}"}, client=(f"192.0.2.{client}", 1)
        )
        passes = exchange.request is not None
        exchange.close()
        if passes:
            self.passed[limit, client].append(self.now)
        self.asked[limit, client] = self.now
        return passes

    @rule(limit=st.integers(0, len(LIMITS) - 1), client=st.integers(1, 3), times=st.integers(1, 8))
    def request(self, limit: int, client: int, times: int) -> None:
        """Send a few requests of a client; the first one passes if it was idle."""
        asked = self.asked.get((limit, client))
        idle = asked is None or self.now - asked >= LIMITS[limit][1]
        passes = [self.send(limit, client) for _ in range(times)]
        assert passes[0] or not idle, f"{LIMITS[limit][0]} keeps an idle client out"

    @rule(seconds=st.sampled_from([0.25, 1, 7, 60, 3600, 86_400]))
    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.host.advance(seconds)
        self.now += seconds

    @rule(unix=st.integers(0, 2_000_000_000))
    def set_time(self, unix: int) -> None:
        """Set the time of day, by years."""
        self.host.set_time(unix)

    @precondition(lambda self: self.started)
    @rule(data=st.data())
    def reload(self, data: st.DataObject) -> None:
        """Load a limit anew; what it counted stays."""
        del self.started[data.draw(st.sampled_from(sorted(self.started)))]

    @invariant()
    def no_limit_gives_too_much(self) -> None:
        """Count between any two requests that passed."""
        for (limit, _), times in self.passed.items():
            for size, interval in LIMITS[limit][2]:
                for first, since in enumerate(times):
                    for count, until in enumerate(times[first:], 1):
                        most = size + (until - since) / interval + ROUNDING
                        assert count <= most, f"{LIMITS[limit][0]} gives too much"


TestLimiters = Limiters.TestCase
TestLimiters.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("step", [-3600, 3600, -1_000_000_000])
def test_a_step_of_the_time_of_day_changes_no_bucket(policy_host: PolicyHost, step: int) -> None:
    """Neither does it lock a client out, nor does it let one in."""
    policy_host.set_time(1_700_000_000)
    started = policy_host.start(rate_limit(limit="1/minute"))
    started.request().close()
    policy_host.set_time(1_700_000_000 + step)
    policy_host.advance(59)
    assert started.request().response is not None
    policy_host.advance(1)
    assert started.request().request is not None


def test_limits_of_one_name_count_apart(policy_host: PolicyHost) -> None:
    """As routes configure them, or before and after a reload."""
    daily = policy_host.start(rate_limit(limit="1000/day"))
    by_minute = policy_host.start(rate_limit(limit="10/minute"))
    daily.request().close()
    assert [by_minute.request().request is not None for _ in range(11)] == [True] * 10 + [False]


def test_a_reload_with_equal_settings_keeps_the_counts(policy_host: PolicyHost) -> None:
    """Otherwise a reload would let everybody in."""
    policy_host.start(rate_limit(limit="1/day")).request().close()
    again = policy_host.start(rate_limit(limit="1/day", headers=False))
    assert again.request().request is None


def test_set_time_takes_a_datetime(policy_host: PolicyHost) -> None:
    """In any time zone."""
    policy_host.set_time(datetime.fromisoformat("2030-01-01T01:00:00.25+01:00"))
    policy_host.set_time(1_893_456_000.25)
