"""Metrics: counters, gauges and histograms that policies define."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.native.chain_request import Request
from tests.native.scripted import asked, chain

if TYPE_CHECKING:
    from wasmgate._native import Host


def test_a_counter_counts(host: Host) -> None:
    """And is read."""
    got = asked(host, "define counter hits", "increment 1 2", "increment 1 3", "metric 1")
    assert got == ["1", "Ok", "Ok", "5"]


def test_a_gauge_is_set_and_moved(host: Host) -> None:
    """Down too."""
    got = asked(host, "define gauge load", "record 1 7", "increment 1 -3", "metric 1")
    assert got == ["1", "Ok", "Ok", "4"]


def test_a_histogram_is_recorded_and_not_read(host: Host) -> None:
    """BAD_ARGUMENT, as in Envoy."""
    got = asked(host, "define histogram size", "record 1 7", "record 1 3", "metric 1")
    assert got == ["1", "Ok", "Ok", "BadArgument"]
    assert host.metrics() == [("size", "histogram", 10)]


def test_a_counter_does_not_go_down(host: Host) -> None:
    """BAD_ARGUMENT."""
    assert asked(host, "define counter hits", "increment 1 -1") == ["1", "BadArgument"]


def test_a_metric_that_is_not_there_is_not_found(host: Host) -> None:
    """By its id."""
    assert asked(host, "metric 9", "record 9 1", "increment 9 1") == ["NotFound"] * 3


def test_defining_again_opens_the_metric(host: Host) -> None:
    """The same id, also for a policy that is loaded again."""
    assert asked(host, "define counter hits", "increment 1 1") == ["1", "Ok"]
    assert asked(host, "define counter hits", "metric 1") == ["1", "1"]


def test_another_kind_under_the_same_name_is_refused(host: Host) -> None:
    """BAD_ARGUMENT, on which the SDK panics."""
    both = ("request_headers: define counter x", "request_headers: define gauge x")
    request = Request(chain(host, *both))
    assert request.status == 503
    assert "its name has another kind" in "".join(request.said)


def test_the_host_tells_all_metrics(host: Host) -> None:
    """Name, kind and value."""
    asked(host, "define counter a", "define gauge b", "increment 1 2", "record 2 3")
    assert host.metrics() == [("a", "counter", 2), ("b", "gauge", 3)]
