"""Contexts: their order, the effective one, and streams that take their time to end."""

from __future__ import annotations

from tests.native.chain_request import Request
from tests.native.scripted import callbacks, chain, outcomes, scripted, ticked
from wasmgate._native import Chain, Host


def test_a_whole_exchange_calls_back_in_order(host: Host) -> None:
    """Root: create, start, configure; stream: create, phases, done, log, delete."""
    request = Request(
        chain(host, "request_headers: log info -", vm_configuration=b"vm"),
        method="POST",
        headers=[(b"content-length", b"2")],
    )
    request.request_body(b"ab", end=True).response(200).response_body(b"cde")
    request.response_trailers([(b"x-sum", b"1")]).close()
    assert callbacks(request) == [
        "context_create 1",
        "vm_start 1 2",
        "configure 1 27",
        "context_create 2 1",
        "request_headers 2 5 false",
        "request_body 2 2 true",
        "response_headers 2 1 false",
        "response_body 2 3 false",
        "response_trailers 2 1",
        "done 2",
        "log 2",
        "delete 2",
    ]


def test_a_request_without_a_body_ends_with_its_headers(host: Host) -> None:
    """`end_of_stream` of the header callback."""
    assert callbacks(Request(chain(host)))[-1] == "request_headers 2 4 true"


def test_a_response_without_a_body_ends_with_its_headers(host: Host) -> None:
    """As the layer above says."""
    request = Request(chain(host)).response(204, end=True)
    assert callbacks(request)[-1] == "response_headers 2 1 true"
    assert request.client.ended


def test_the_instance_that_was_the_canary_never_serves(host: Host) -> None:
    """A canary starts at load; what serves starts at the first request and says so then."""
    plugin = scripted(host)
    assert "vm_start 1 0" in callbacks(Request(Chain([plugin])))


def test_a_request_meets_policies_in_order_and_a_response_in_reverse(host: Host) -> None:
    """As in Envoy's filter chain."""
    both = Chain([scripted(host, name="first"), scripted(host, name="second")])
    request = Request(both).response(200, end=True).close()
    phases = ("request_headers", "response_headers", "done")
    order = [
        (policy, text.split()[0]) for policy, _, text in request.records if text.startswith(phases)
    ]
    assert order == [
        ("first", "request_headers"),
        ("second", "request_headers"),
        ("second", "response_headers"),
        ("first", "response_headers"),
        ("first", "done"),
        ("second", "done"),
    ]


def test_context_ids_are_not_used_again(host: Host) -> None:
    """Ids count on."""
    plugins = chain(host)
    ids = [callbacks(Request(plugins).close())[-1] for _ in range(3)]
    assert ids == ["delete 2", "delete 3", "delete 4"]


def test_closing_twice_calls_back_once(host: Host) -> None:
    """Close is idempotent."""
    request = Request(chain(host)).close()
    count = len(request.records)
    assert len(request.close().records) == count


def test_a_stream_that_is_dropped_is_ended(host: Host) -> None:
    """What it says then comes with the thread's next step."""
    plugins = chain(host)
    Request(plugins)
    assert callbacks(Request(plugins))[:3] == ["done 2", "log 2", "delete 2"]


def test_only_the_vms_own_contexts_can_be_effective(host: Host) -> None:
    """Others are BAD_ARGUMENT."""
    request = Request(
        chain(host, *(f"request_headers: context {number}" for number in (1, 2, 0, 99)))
    )
    assert outcomes(request) == [
        "context 1 = Ok",
        "context 2 = Ok",
        "context 0 = BadArgument",
        "context 99 = BadArgument",
    ]


def test_another_streams_fields_are_read_through_the_effective_context(host: Host) -> None:
    """Hostcalls act on the effective context, for the rest of the callback."""
    plugins = chain(host, "request_headers: all get request :path")
    first = Request(plugins, target=b"/first")
    second = Request(plugins, target=b"/second")
    assert first.passed
    assert outcomes(second) == ["get request :path = /first", "get request :path = /second"]


def test_a_callback_starts_in_its_own_context(host: Host) -> None:
    """Independent of the choice of the callback before it."""
    plugins = chain(host, "request_headers: context 1", "response_headers: get response :status")
    request = Request(plugins).response(204)
    assert outcomes(request)[-1] == "get response :status = 204"


def test_done_false_waits_for_proxy_done(host: Host) -> None:
    """Log and delete come after it; here a tick's."""
    plugins = chain(host, "configure: tick_period 10", "done: wait", "tick: all finish")
    assert callbacks(Request(plugins).close())[-1] == "done 2"
    assert ticked(plugins) == ["tick 1", "tick: finish = Ok", "log 2", "delete 2"]


def test_proxy_done_within_on_done_ends_the_stream_at_once(host: Host) -> None:
    """The guest answered false and was done before it returned."""
    request = Request(chain(host, "done: finish", "done: wait")).close()
    assert callbacks(request)[-3:] == ["done 2", "log 2", "delete 2"]


def test_proxy_done_of_a_stream_that_runs_is_not_found(host: Host) -> None:
    """The SDK panics on that status: a guest's mistake is its trap."""
    request = Request(chain(host, "request_headers: finish"))
    assert request.status == 503


def test_a_parked_stream_keeps_its_fields(host: Host) -> None:
    """A policy that sends them elsewhere reads them after the request's end."""
    plugins = chain(host, "done: wait", "request_headers: all get request :path")
    Request(plugins, target=b"/parked").close()
    assert outcomes(Request(plugins, target=b"/"))[0] == "get request :path = /parked"


def test_streams_that_wait_for_ever_are_bounded(host: Host) -> None:
    """The one that waits longest is ended when there are more than 1,024."""
    plugins = chain(host, "done: wait")
    for _ in range(1024):
        Request(plugins).close()
    last = Request(plugins).close()
    assert last.said[-3:] == [
        "ended a stream: 1024 others wait for proxy_done",
        "log 2",
        "delete 2",
    ]
