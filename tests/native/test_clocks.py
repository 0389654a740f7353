"""Clocks: the host's and WASI's tell the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.native.scripted import asked

if TYPE_CHECKING:
    from wasmgate._native import Host


@pytest.mark.parametrize("clock", ["now", "wasi_now"])
def test_the_time_is_nanoseconds_since_1970(host: Host, clock: str) -> None:
    """`proxy_get_current_time_nanoseconds` and `clock_time_get`."""
    before = time.time_ns()
    (told,) = asked(host, clock)
    assert before <= int(told) <= time.time_ns()


def test_time_goes_on_within_a_request(host: Host) -> None:
    """It is not frozen per stream."""
    first, second = asked(host, "now", "elapsed", "now")[::2]
    assert int(first) < int(second)
