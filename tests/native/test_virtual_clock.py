"""A host with a clock of its own and a seed: what a policy finds is the same each time."""

from __future__ import annotations

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from tests.native.scripted import asked, chain
from wasmgate._native import Chain, Host

BEGIN = 1_700_000_000_000_000_000

RANDOM_BODY = guest(
    '(import "wasi_snapshot_preview1" "random_get"',
    "  (func $random (param i32 i32) (result i32)))",
    '(import "env" "proxy_send_local_response"',
    "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $random (i32.const 64) (i32.const 20)))",
    "  (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 20)",
    "    (i32.const 0) (i32.const 0) (i32.const -1)))",
)
"""Answers with twenty random bytes."""


def drawn(seed: int) -> bytes:
    """Return what a policy of a host with this seed drew."""
    return Request(Chain([load(Host(seed=seed), RANDOM_BODY)])).client.body


@pytest.mark.parametrize("clock", ["now", "wasi_now"])
def test_a_policy_reads_the_clock_that_was_given(clock: str) -> None:
    """Nanoseconds since 1970, from both hostcalls."""
    assert asked(Host(clock=BEGIN), clock) == [str(BEGIN)]


def test_advancing_moves_what_a_policy_reads() -> None:
    """By seconds."""
    host = Host(clock=BEGIN)
    host.advance(1.5)
    assert (asked(host, "now"), host.time) == ([str(BEGIN + 1_500_000_000)], BEGIN + 1_500_000_000)


def test_a_tick_is_due_when_the_clock_was_moved_past_its_period() -> None:
    """Nobody waits an hour."""
    host = Host(clock=BEGIN, log_level=0)
    policies = chain(host, "configure: tick_period 3600000")
    Request(policies).close()
    delay, before = policies.tick()
    host.advance(3600)
    next_delay, after = policies.tick()
    assert (delay, before.logs) == (3600.0, [])
    assert (next_delay, [text for _, _, text in after.logs]) == (3600.0, ["tick 1"])


def test_a_seed_repeats_random_bytes() -> None:
    """Another seed gives others."""
    one, again, other = drawn(1), drawn(1), drawn(2)
    assert (len(one), one == again, one == other) == (20, True, False)


def test_the_clock_of_the_system_is_nobodys_to_move(host: Host) -> None:
    """A mistake is told."""
    with pytest.raises(ValueError, match="make it with clock="):
        host.advance(1)


def test_time_does_not_go_back() -> None:
    """Deadlines only come nearer."""
    with pytest.raises(ValueError, match="negative"):
        Host(clock=BEGIN).advance(-1)
