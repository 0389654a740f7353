"""Metrics: counters, gauges and histograms that policies define."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.native.chain_request import Request
from tests.native.scripted import asked, chain, outcomes

if TYPE_CHECKING:
    from wasmgate._native import Host


def measured(host: Host, *operations: str, name: str = "guest") -> list[str]:
    """Perform operations as a policy that may define every metric."""
    return asked(host, *operations, name=name, metrics=("*",))


def test_a_counter_counts(host: Host) -> None:
    """And is read."""
    got = measured(host, "define counter hits", "increment 1 2", "increment 1 3", "metric 1")
    assert got == ["1", "Ok", "Ok", "5"]


def test_a_gauge_is_set_and_moved(host: Host) -> None:
    """Down too."""
    got = measured(host, "define gauge load", "record 1 7", "increment 1 -3", "metric 1")
    assert got == ["1", "Ok", "Ok", "4"]


def test_a_histogram_is_recorded_and_not_read(host: Host) -> None:
    """BAD_ARGUMENT, as in Envoy."""
    got = measured(host, "define histogram size", "record 1 7", "record 1 3", "metric 1")
    assert got == ["1", "Ok", "Ok", "BadArgument"]
    assert host.metrics() == [("size", "histogram", 10)]


def test_a_counter_does_not_go_down(host: Host) -> None:
    """BAD_ARGUMENT."""
    assert measured(host, "define counter hits", "increment 1 -1") == [
        "1",
        "BadArgument",
    ]


def test_a_metric_that_is_not_there_is_not_found(host: Host) -> None:
    """By its id."""
    assert measured(host, "metric 9", "record 9 1", "increment 9 1") == ["NotFound"] * 3


def test_defining_again_opens_the_metric(host: Host) -> None:
    """The same id, also for a policy that is loaded again."""
    assert measured(host, "define counter hits", "increment 1 1") == ["1", "Ok"]
    assert measured(host, "define counter hits", "metric 1") == ["1", "1"]


def test_another_kind_under_the_same_name_is_refused(host: Host) -> None:
    """BAD_ARGUMENT, on which the SDK panics."""
    both = ("request_headers: define counter x", "request_headers: define gauge x")
    request = Request(chain(host, *both, metrics=("*",)))
    assert request.status == 503
    assert "its name has another kind" in "".join(request.said)


def test_the_host_tells_all_metrics(host: Host) -> None:
    """Name, kind and value."""
    measured(host, "define counter a", "define gauge b", "increment 1 2", "record 2 3")
    assert host.metrics() == [("a", "counter", 2), ("b", "gauge", 3)]


def test_a_metric_without_the_capability_records_nowhere(host: Host) -> None:
    """OK, because the SDKs bear nothing else; and one line and a count for the operator."""
    operations = ("define counter hits", "increment 4294967295 2", "metric 4294967295")
    program = [f"request_headers: {operation}" for operation in operations]
    request = Request(chain(host, *program, metrics=("size", "cache.*")))
    got = [text.rsplit(" = ", 1)[1] for text in outcomes(request)]
    assert got == ["4294967295", "Ok", "0"]
    assert host.metrics() == []
    line = "PermissionDenied: policy 'guest' may not define 'hits' (capability metrics)"
    assert ("guest", 3, line) in request.records
    assert host.denials() == [("guest", "metrics", "hits", 1)]


def test_a_denial_is_logged_once_a_callback_and_counted_each_time(host: Host) -> None:
    """A policy that asks in a loop does not fill the log."""
    asks = ["request_headers: define counter a"] * 3 + ["request_headers: define counter b"]
    request = Request(chain(host, *asks))
    denied = [text for text in request.said if "PermissionDenied" in text]
    assert [text.split("'")[3] for text in denied] == ["a", "b"]
    assert host.denials() == [("guest", "metrics", "a", 3), ("guest", "metrics", "b", 1)]


def test_a_prefix_allows_what_begins_with_it(host: Host) -> None:
    """And a name itself alone."""
    names = ("cache.size", "hits", "hits2")
    asked(host, *(f"define gauge {name}" for name in names), metrics=("cache.*", "hits"))
    assert [name for name, _, _ in host.metrics()] == ["cache.size", "hits"]


def test_the_metric_of_another_policy_is_not_found(host: Host) -> None:
    """Its number can be guessed, and is not known here."""
    measured(host, "define counter hits")
    assert measured(host, "increment 1 5", name="other") == ["NotFound"]
