"""What a host counts of its policies: calls, fuel, time, memory, failures."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import Texts, caller
from tests.native.chain_request import Request, load
from tests.native.hostile import guest, hostile
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from wasmgate._native import CallbackStatistics, PolicyStatistics

PASSES = guest(
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))'
)
GROWS = guest(
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (memory.grow (i32.const 3))) (i32.const 0))",
)
ATTACK = [(b"x-attack", b"1")]


def counted(host: Host, callback: str = "proxy_on_request_headers") -> CallbackStatistics:
    """Return the row of one callback."""
    (row,) = [row for row in host.callbacks() if row.callback == callback]
    return row


def policy(host: Host) -> PolicyStatistics:
    """Return the row of the only policy."""
    (row,) = host.policies()
    return row


def test_calls_and_their_fuel_are_counted(host: Host) -> None:
    """All of them, with the policy's name."""
    chain = Chain([load(host, PASSES, name="mine")])
    for _ in range(40):
        Request(chain).close()
    row = counted(host)
    assert (row.policy, row.count) == ("mine", 40)
    assert row.fuel_buckets[0] == (256, 40)
    assert 0 < row.fuel <= 40 * 256


def test_one_call_in_sixteen_is_timed(host: Host) -> None:
    """The first one, too."""
    chain = Chain([load(host, PASSES)])
    for _ in range(33):
        Request(chain).close()
    row = counted(host)
    assert (row.timed, row.nanoseconds > 0, row.time_buckets[-1][1]) == (3, True, 3)


def test_buckets_are_cumulative_and_four_times_as_wide(host: Host) -> None:
    """As Prometheus has them."""
    Request(Chain([load(host, PASSES)])).close()
    bounds = [bound for bound, _ in counted(host).fuel_buckets]
    assert bounds == [256 * 4**power for power in range(10)]


def test_a_start_counts(host: Host) -> None:
    """That of the instance that only tries the configuration, and the thread's own."""
    Request(Chain([load(host, PASSES)])).close()
    assert counted(host, "proxy_on_vm_start").count == 2


def test_other_threads_are_counted_when_they_end(host: Host) -> None:
    """Their instances hand over, a moment after Python's thread has ended."""
    chain = Chain([load(host, PASSES)])
    thread = Thread(target=lambda: Request(chain).close())
    thread.start()
    thread.join()
    while "proxy_on_request_headers" not in {row.callback for row in host.callbacks()}:
        pass
    assert counted(host).count == 1


def test_the_memory_is_the_most_that_an_instance_had(host: Host) -> None:
    """In bytes; a page is 65,536."""
    chain = Chain([load(host, GROWS)])
    Request(chain).close()
    Request(chain).close()
    assert policy(host).memory == 7 * 65536


@pytest.mark.parametrize(
    ("name", "failures"),
    [
        ("divides_by_zero", (1, 0, 0)),
        ("endless_loop", (0, 1, 0)),
        ("memory_growth_until_refused", (0, 0, 1)),
    ],
)
def test_failures_are_counted_by_their_kind(
    host: Host, name: str, failures: tuple[int, int, int]
) -> None:
    """Traps, fuel, memory."""
    Request(Chain([load(host, hostile(name))]), headers=ATTACK)
    row = policy(host)
    assert (row.traps, row.out_of_fuel, row.out_of_memory) == failures


def test_callouts_are_counted(host: Host) -> None:
    """Callouts that are made; a refused one does not count."""
    texts = Texts()
    both = texts.http_call() + texts.http_call(upstream=b"other")
    chain = Chain([load(host, caller(texts, "proxy_on_request_headers", both), net=("auth",))])
    for _ in range(2):
        Request(chain).close()
    assert policy(host).callouts == 2


def test_hosts_count_apart(host: Host) -> None:
    """Each its own policies."""
    Request(Chain([load(host, PASSES)])).close()
    assert (Host().callbacks(), Host().policies()) == ([], [])
