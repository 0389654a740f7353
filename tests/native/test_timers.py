"""Timers: ticks of a policy on its thread."""

from __future__ import annotations

import time

import pytest

from tests.native.chain_request import Request
from tests.native.scripted import callbacks, chain, scripted, ticked
from wasmgate._native import Chain, Host


def started(policies: Chain) -> Request:
    """Make the instance of this thread."""
    return Request(policies).close()


def test_a_period_asks_for_a_timer(host: Host) -> None:
    """The effects say that the next tick changed, and `tick` says when."""
    policies = chain(host, "configure: tick_period 50")
    stream, effects, _ = policies.open(None, None, "http", "1.1", "GET", b"/", [])
    assert effects is not None
    assert effects.timers
    delay, _ = policies.tick()
    assert delay is not None
    assert 0 < delay <= 0.05
    stream.close()


def test_a_tick_runs_when_it_is_due_and_again(host: Host) -> None:
    """In the root context."""
    policies = chain(host, "configure: tick_period 10")
    started(policies)
    assert (ticked(policies), ticked(policies)) == (["tick 1"], ["tick 1"])


def test_a_tick_that_is_not_due_does_not_run(host: Host) -> None:
    """Asking early only tells the time."""
    policies = chain(host, "configure: tick_period 60000")
    started(policies)
    assert policies.tick()[1].logs == []


def test_a_period_of_zero_stops_it(host: Host) -> None:
    """`proxy_set_tick_period_milliseconds(0)`."""
    policies = chain(host, "configure: tick_period 10", "tick: tick_period 0")
    started(policies)
    ticked(policies)
    assert policies.tick()[0] is None


def test_a_policy_without_a_period_has_no_timer(host: Host) -> None:
    """Nothing to wait for."""
    policies = chain(host)
    started(policies)
    assert policies.tick()[0] is None


@pytest.mark.parametrize("period", [1, 9])
def test_no_policy_ticks_more_often_than_every_10_ms(host: Host, period: int) -> None:
    """A shorter period would hold the loop."""
    policies = chain(host, f"configure: tick_period {period}")
    started(policies)
    began = time.monotonic()
    ticked(policies)
    ticked(policies)
    assert time.monotonic() - began > 0.01


def test_a_request_can_set_the_period(host: Host) -> None:
    """Of its policy."""
    policies = chain(host, "request_headers: tick_period 10")
    request = started(policies)
    assert "tick" not in "".join(callbacks(request))
    assert ticked(policies) == ["tick 1"]


def test_the_earliest_of_several_policies_is_next(host: Host) -> None:
    """One timer serves a chain."""
    policies = Chain(
        [
            scripted(host, "configure: tick_period 60000", name="slow"),
            scripted(host, "configure: tick_period 20", name="quick"),
        ]
    )
    started(policies)
    delay, _ = policies.tick()
    assert delay is not None
    assert delay <= 0.02
