"""Callbacks that run in one step of the guest: each is as if it ran alone."""

from __future__ import annotations

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate._native import Chain, Host

SPINS = """(func $spin (param $rounds i32)
  (loop $again
    (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
    (br_if $again (local.get $rounds))))"""
"""Some 5 units a round."""
CREATE = '(func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1) (then %s)))'
HEADERS = """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  %s (i32.const 0))"""
DONE = '(func (export "proxy_on_done") (param i32) (result i32) %s (i32.const 1))'
LOG = '(func (export "proxy_on_log") (param i32) %s)'
DELETE = '(func (export "proxy_on_delete") (param i32) %s)'
ALL = {
    "proxy_on_context_create": CREATE,
    "proxy_on_request_headers": HEADERS,
    "proxy_on_done": DONE,
    "proxy_on_log": LOG,
    "proxy_on_delete": DELETE,
}


def critical(records: list[tuple[str, int, str]]) -> list[str]:
    """Return what was logged about crashes."""
    return [message for _, level, message in records if level == 5]


def test_each_callback_of_a_step_has_its_own_fuel(host: Host) -> None:
    """Five of them use two thirds of it each."""
    spins = "(call $spin (i32.const 10_000))"
    module = guest(SPINS, *(callback % spins for callback in ALL.values()))
    chain = Chain([load(host, module, fuel=75_000)])
    request = Request(chain)
    request.close()
    used = {row.callback: row.fuel for row in host.callbacks() if row.callback in ALL}
    assert critical(request.records) == []
    assert {name for name, fuel in used.items() if fuel > 45_000} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_the_callback_of_a_step_that_traps_is_named(host: Host, name: str) -> None:
    """Not the one before it, and not the step's first."""
    bodies = (text % ("unreachable" if each == name else "") for each, text in ALL.items())
    request = Request(Chain([load(host, guest(*bodies))]))
    request.close()
    (message,) = critical(request.records)
    assert name in message


def test_a_callback_that_does_nothing_is_counted_and_costs_one_unit(host: Host) -> None:
    """The host answers in its place."""
    done = '(func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))'
    chain = Chain([load(host, guest(HEADERS % "", done, LOG % ""))])
    for _ in range(40):
        Request(chain).close()
    names = ("proxy_on_request_headers", "proxy_on_done", "proxy_on_log")
    rows = {row.callback: (row.count, row.fuel) for row in host.callbacks()}
    assert [rows[name] for name in names] == [(40, 40)] * 3


def test_what_a_callback_that_does_nothing_answers_counts(host: Host) -> None:
    """A stop is a stop, though the guest is not called."""
    stops = HEADERS.replace("(i32.const 0)", "(i32.const 1)") % ""
    request = Request(Chain([load(host, guest(stops))]))
    assert request.upstream.head is None


def test_a_policy_without_a_response_callback_lets_a_response_pass(host: Host) -> None:
    """It sees nothing of it."""
    request = Request(Chain([load(host, guest(HEADERS % ""))]))
    request.response(200, [(b"x-a", b"1")])
    assert request.client.head == (b"200", [(b"x-a", b"1")])
