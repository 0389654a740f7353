"""What a host records of its policies: callbacks, hostcalls, why they were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.native.chain_request import Request, load
from tests.native.hostile import guest, hostile
from tests.native.scripted import chain
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host, TraceEvent


def traced(host: Host, *program: str, **options: object) -> list[TraceEvent]:
    """Return what is recorded of one request through the scripted guest."""
    policies = chain(host, *program)
    host.record(**options)  # type: ignore[arg-type]
    headers = [(b"authorization", b"Bearer s3cret"), (b"x-a", b"1")]
    Request(policies, headers=headers).response().close()
    host.stop_recording()
    return host.take_trace()[0]


def of_one_request(host: Host, module: bytes, *headers: tuple[bytes, bytes]) -> list[TraceEvent]:
    """Return what is recorded of a request's head through a module."""
    plugin = load(host, module)
    host.record()
    Request(Chain([plugin]), headers=list(headers))
    return host.take_trace()[0]


def hostcalls(events: list[TraceEvent], name: str) -> list[TraceEvent]:
    """Return the events of one hostcall."""
    return [event for event in events if event.hostcall and event.name == name]


def test_callbacks_are_recorded_in_their_order_with_what_they_answered(host: Host) -> None:
    """The instance starts first: it is this thread's first request."""
    told = [
        (event.name, event.arguments, event.outcome)
        for event in traced(host)
        if not event.hostcall and event.stream is not None
    ]
    assert told == [
        ("proxy_on_context_create", [("parent", "1")], ""),
        ("proxy_on_request_headers", [("fields", "6"), ("end", "true")], "Continue"),
        ("proxy_on_response_headers", [("fields", "1"), ("end", "false")], "Continue"),
        ("proxy_on_done", [], "true"),
        ("proxy_on_log", [], ""),
        ("proxy_on_delete", [], ""),
    ]


def test_a_start_is_recorded(host: Host) -> None:
    """Its callbacks belong to no stream."""
    started = [event.name for event in traced(host) if not event.hostcall and event.stream is None]
    assert started == [
        "_initialize",
        "proxy_on_context_create",
        "proxy_on_vm_start",
        "proxy_on_configure",
    ]


def test_a_hostcall_says_what_went_in_and_what_came_out(host: Host) -> None:
    """In words of the ABI, after its callback."""
    events = traced(host, "request_headers: get request x-a")
    (call,) = hostcalls(events, "proxy_get_header_map_value")
    assert (call.arguments, call.results, call.outcome, call.reason) == (
        [("map", "request_headers"), ("name", "x-a")],
        [("value", "1")],
        "OK",
        None,
    )
    names = [event.name for event in events]
    assert names.index("proxy_on_request_headers") < events.index(call)
    assert call.fuel > 0


def test_a_refusal_has_its_reason(host: Host) -> None:
    """The one that the policy's log has too."""
    events = traced(host, "response_headers: set request x-a 2")
    (call,) = hostcalls(events, "proxy_replace_header_map_value")
    assert (call.outcome, call.reason, call.results) == (
        "BAD_ARGUMENT",
        "could not change header fields: these fields have gone on already, or are not there yet",
        [],
    )


def test_secrets_are_masked(host: Host) -> None:
    """The values of headers with credentials, and configurations."""
    events = traced(host, "request_headers: get request authorization")
    (header,) = hostcalls(events, "proxy_get_header_map_value")
    (*_, configuration) = hostcalls(events, "proxy_get_buffer_bytes")
    assert header.results == [("value", "*** (13 bytes)")]
    assert configuration.results == [("bytes", "*** (42 bytes)")]


def test_secrets_are_shown_to_who_asks(host: Host) -> None:
    """`secrets=True`."""
    program = "request_headers: get request authorization"
    (header,) = hostcalls(traced(host, program, secrets=True), "proxy_get_header_map_value")
    assert header.results == [("value", "Bearer s3cret")]


def test_all_headers_are_masked_one_by_one(host: Host) -> None:
    """Only those that are secret."""
    events = traced(host, "request_headers: fields request")
    (call,) = hostcalls(events, "proxy_get_header_map_pairs")
    assert call.results[0][1].endswith("authorization: *** (13 bytes); x-a: 1")


def test_a_long_value_is_cut(host: Host) -> None:
    """Its length is told."""
    events = traced(host, "request_headers: set request x-long 0123456789", value=4)
    (call,) = hostcalls(events, "proxy_replace_header_map_value")
    assert call.arguments[2] == ("value", "0123… (10 bytes)")


def test_events_past_the_bound_are_counted(host: Host) -> None:
    """The first ones are kept."""
    policies = chain(host)
    host.record(events=3)
    Request(policies).close()
    events, lost = host.take_trace()
    assert len(events) == 3
    assert lost > 0


def test_one_stream_is_recorded_alone(host: Host) -> None:
    """The other's events are not counted as lost."""
    policies = chain(host)
    first, second = Request(policies), Request(policies)
    host.record(stream=first.stream.id)
    second.response().close()
    first.response().close()
    events, lost = host.take_trace()
    assert {event.stream for event in events} == {first.stream.id}
    assert events[0].name == "proxy_on_response_headers"
    assert lost == 0


def test_events_past_the_bound_of_bytes_are_counted(host: Host) -> None:
    """A guest that sends long values fills no memory."""
    policies = chain(host)
    host.record(size=10)
    Request(policies).close()
    assert host.take_trace()[1] > 0


def test_what_was_taken_is_gone(host: Host) -> None:
    """A second look finds what is new."""
    traced(host)
    assert host.take_trace() == ([], 0)


def test_nothing_is_recorded_unless_asked(host: Host) -> None:
    """The normal case."""
    Request(chain(host)).close()
    assert host.take_trace() == ([], 0)


def test_a_trap_is_the_reason_of_its_callback(host: Host) -> None:
    """With what the engine said."""
    events = of_one_request(host, hostile("divides_by_zero"), (b"x-attack", b"1"))
    failed = [event for event in events if event.outcome == "failed"]
    assert failed[0].name == "proxy_on_request_headers"
    assert "divide by zero" in (failed[0].reason or "")


def test_a_wild_pointer_is_explained(host: Host) -> None:
    """Nothing is logged for it, so the trace has words of its own."""
    module = guest(
        '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (drop (call $log (i32.const 2) (i32.const -8) (i32.const 4))) (i32.const 0))",
    )
    (call,) = hostcalls(of_one_request(host, module), "proxy_log")
    assert (call.outcome, call.reason) == (
        "INVALID_MEMORY_ACCESS",
        "an address outside of the guest's memory, or its allocator gave none",
    )


def test_a_property_is_told_by_its_path(host: Host) -> None:
    """Parts joined by dots, and a secret one masked."""
    events = traced(
        host,
        "request_headers: property request.path",
        "request_headers: property request.headers.authorization",
    )
    path, secret = hostcalls(events, "proxy_get_property")
    assert (path.arguments, path.results) == ([("path", "request.path")], [("value", "/")])
    assert secret.results == [("value", "*** (13 bytes)")]


def test_what_is_written_to_wasi_is_text(host: Host) -> None:
    """The pieces of the vectors together."""
    module = guest(
        '(import "wasi_snapshot_preview1" "fd_write"',
        "  (func $write (param i32 i32 i32 i32) (result i32)))",
        '(data (i32.const 64) "hello, \\50\\00\\00\\00\\05\\00\\00\\00world")',
        '(data (i32.const 128) "\\40\\00\\00\\00\\07\\00\\00\\00\\4f\\00\\00\\00\\05\\00\\00\\00")',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (drop (call $write (i32.const 1) (i32.const 128) (i32.const 2) (i32.const 192)))",
        "  (i32.const 0))",
    )
    (call,) = hostcalls(of_one_request(host, module), "fd_write")
    assert call.arguments == [("descriptor", "1"), ("text", "hello, world")]
    assert call.results == [("written", "12")]
