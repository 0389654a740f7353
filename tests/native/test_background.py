"""What one step may cause, and what a policy may do in the background: guests that want more.

The clock stands still, so a unit of fuel is a nanosecond.
"""

from __future__ import annotations

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import ATTACK, WAT, wasm
from wasmgate._native import Chain, Host

STEP_CALLBACKS, STEP_FUEL = 64, 20_000_000
SHARE = 50_000_000  # of a second
HOLD = 2_000_000  # saved up at most; what a callback takes beyond it costs ten times as much
CALLOUT = 200_000


@pytest.fixture
def host() -> Host:
    """Make a host whose time stands still."""
    return Host(log_level=2, clock=0)


def policy(host: Host, name: str, *net: str) -> Chain:
    """Load a guest of `tests/wat/background`."""
    module = wasm((WAT / "background" / f"{name}.wat").read_text("utf-8"))
    return Chain([load(host, module, net=net)])


def used(host: Host, *callbacks: str) -> tuple[int, int]:
    """Return how often callbacks ran, and with how much fuel."""
    rows = [row for row in host.callbacks() if row.callback in callbacks]
    return sum(row.count for row in rows), sum(row.fuel for row in rows)


def turns(host: Host, chain: Chain, seconds: float) -> list[int]:
    """Let the loop have its turns for so long; return the callouts that begin in each."""
    callouts, left = [], seconds
    while True:
        wait, effects = chain.tick()
        callouts.append(len(effects.callouts))
        if wait is None or wait > left:
            return callouts
        host.advance(wait)
        left -= wait


def test_a_thousand_values_are_told_as_the_steps_have_room(host: Host) -> None:
    """The request is not held for them, and passes."""
    chain = policy(host, "queue_fanout")
    request = Request(chain)
    count, fuel = used(host, "proxy_on_queue_ready")
    assert request.passed
    assert 1 <= count <= STEP_CALLBACKS
    assert fuel <= STEP_FUEL
    assert any("`background_share`" in text for text in request.said)
    turns(host, chain, 2)
    more, all_fuel = used(host, "proxy_on_queue_ready")
    assert more > count
    assert all_fuel <= STEP_FUEL + 3 * SHARE


def test_a_hundred_streams_end_as_the_steps_have_room(host: Host) -> None:
    """And all of them do."""
    chain = policy(host, "done_fanout")
    for _ in range(100):
        Request(chain).close()
    Request(chain, headers=ATTACK)
    count, fuel = used(host, "proxy_on_log", "proxy_on_delete")
    assert 1 <= count <= STEP_CALLBACKS
    assert fuel <= STEP_FUEL
    turns(host, chain, 360)
    assert used(host, "proxy_on_log", "proxy_on_delete")[0] == 200
    assert host.contexts() == 1


def test_ticks_have_a_share_of_the_time(host: Host) -> None:
    """However much they want; of long ones it is a tenth."""
    chain = policy(host, "tick_saturation")
    turns(host, chain, 20)
    _, fuel = used(host, "proxy_on_tick")
    assert 20 * SHARE // 10 <= fuel <= 20 * SHARE // 5
    (row,) = host.policies()
    assert row.put_off > 0


def test_callouts_of_ticks_have_a_share_of_the_time(host: Host) -> None:
    """Beginning them is work of the event loop."""
    chain = policy(host, "tick_callouts", "site")
    begun = turns(host, chain, 4)
    assert max(begun) <= HOLD // CALLOUT
    assert sum(begun) * CALLOUT <= 4 * SHARE + HOLD + CALLOUT
    assert sum(begun) * CALLOUT >= SHARE


def test_a_listener_is_told_of_each_value(host: Host) -> None:
    """As in Envoy."""
    chain = policy(host, "queue_ready_for_each_message")
    assert Request(chain).said == ["queue ready"] * 3


def test_policies_start_without_a_request(host: Host) -> None:
    """So that they tick, and queues have their listeners."""
    chain = policy(host, "tick_saturation")
    before = host.instances()
    effects = chain.start()
    assert (before, host.instances(), effects.timers) == (0, 1, True)
