"""A host with a clock of its own and a seed: what a policy finds is the same each time."""

from __future__ import annotations

import struct

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


CLOCKS = guest(
    '(import "wasi_snapshot_preview1" "clock_time_get"',
    "  (func $preview1 (param i32 i64 i32) (result i32)))",
    '(import "wasi_unstable" "clock_time_get" (func $unstable (param i32 i64 i32) (result i32)))',
    '(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))',
    '(import "env" "emscripten_get_now" (func $get_now (result f64)))',
    '(import "env" "emscripten_date_now" (func $date_now (result f64)))',
    '(import "env" "proxy_send_local_response"',
    "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $now (i32.const 64)))",
    "  (drop (call $preview1 (i32.const 0) (i64.const 0) (i32.const 72)))",
    "  (drop (call $unstable (i32.const 0) (i64.const 0) (i32.const 80)))",
    "  (f64.store (i32.const 88) (call $date_now))",
    "  (drop (call $preview1 (i32.const 1) (i64.const 0) (i32.const 96)))",
    "  (drop (call $unstable (i32.const 1) (i64.const 0) (i32.const 104)))",
    "  (f64.store (i32.const 112) (call $get_now))",
    "  (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 56)",
    "    (i32.const 0) (i32.const 0) (i32.const -1)))",
)
"""Answers with every clock: four that tell the time of day, three that are monotonic."""


def told(policies: Chain) -> tuple[set[int], set[int]]:
    """Return the milliseconds that the clocks tell: of the day, and monotonic."""
    *day, date_now, first, second, get_now = struct.unpack(
        "<QQQdQQd", Request(policies).client.body
    )
    in_milliseconds = {nanoseconds // 10**6 for nanoseconds in day} | {round(date_now)}
    return in_milliseconds, {first // 10**6, second // 10**6, round(get_now)}


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


def test_every_clock_stands_still_and_moves_together() -> None:
    """The ABI's, WASI's under both names, and Emscripten's."""
    host = Host(clock=BEGIN)
    policies = Chain([load(host, CLOCKS)])
    (day, monotonic), again = told(policies), told(policies)
    host.advance(90)
    assert ((day, monotonic), day) == (again, {BEGIN // 10**6})
    assert told(policies) == ({BEGIN // 10**6 + 90_000}, {its + 90_000 for its in monotonic})
    assert len(monotonic) == 1


@pytest.mark.parametrize("unix", [0, BEGIN - 10**18, BEGIN + 10**18])
def test_the_time_of_day_can_be_set_and_monotonic_time_stays(unix: int) -> None:
    """Backwards and forwards, as NTP sets a clock."""
    host = Host(clock=BEGIN)
    policies = Chain([load(host, CLOCKS)])
    _, monotonic = told(policies)
    host.time = unix
    assert told(policies) == ({unix // 10**6}, monotonic)
    host.advance(1)
    assert told(policies) == ({unix // 10**6 + 1000}, {its + 1000 for its in monotonic})


def test_ticks_are_due_by_the_monotonic_clock() -> None:
    """A time of day that is set makes none due and puts none off."""
    host = Host(clock=BEGIN)
    policies = chain(host, "configure: tick_period 1000")
    Request(policies).close()
    policies.tick()
    host.time = 0
    assert policies.tick()[0] == 1.0


def test_a_tick_is_due_when_the_clock_was_moved_past_its_period() -> None:
    """The test advances the clock by an hour."""
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
    with pytest.raises(ValueError, match="make it with clock="):
        host.time = 0


def test_time_does_not_go_back() -> None:
    """Deadlines only come nearer."""
    with pytest.raises(ValueError, match="negative"):
        Host(clock=BEGIN).advance(-1)
