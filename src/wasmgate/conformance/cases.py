"""The cases: each hostcall with arguments for which the specification demands a status.

A case names the phases where it expects that status. In other phases each status that the Rust SDK
tolerates is right (`wasmgate.conformance.statuses`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate.conformance.calls import WILD, Loaded, Long, Slot, call, pairs
from wasmgate.conformance.phases import FOREIGN_FUNCTION, PHASES, UPSTREAM, Kind
from wasmgate.conformance.statuses import Status

if TYPE_CHECKING:
    from wasmgate.conformance.calls import Argument, Call

__all__ = ["CASES", "Case"]

_OPEN = frozenset(phase.name for phase in PHASES if phase.kind is not Kind.LIMITED)
_ALL = frozenset(phase.name for phase in PHASES)
_REQUEST = frozenset(phase.name for phase in PHASES if phase.kind is Kind.REQUEST)
_RESPONSE = frozenset(phase.name for phase in PHASES if phase.kind is Kind.RESPONSE)
_STREAM = _REQUEST | _RESPONSE
_UNKNOWN = 99
_OUT = (Slot(0), Slot(1))
_FIELDS = pairs((b":method", b"GET"), (b":path", b"/"), (b":authority", b"probe"))
_GRPC = (b"probe.Echo", b"Say", pairs())


@dataclass(frozen=True)
class Case:
    """One hostcall, the calls before it, its expected status, and the phases of that status."""

    hostcall: str
    label: str
    calls: tuple[Call, ...]
    expected: Status
    where: frozenset[str]


def _case(  # noqa: PLR0917 (a line a case)
    hostcall: str,
    label: str,
    arguments: tuple[Argument | bytes, ...],
    expected: Status = Status.OK,
    where: frozenset[str] | str = _OPEN,
    after: tuple[Call, ...] = (),
) -> Case:
    calls = (*after, call(hostcall, *arguments))
    return Case(
        hostcall, label, calls, expected, frozenset({where}) if isinstance(where, str) else where
    )


_NOT_FOUND, _WRONG, _WILD = Status.NOT_FOUND, Status.BAD_ARGUMENT, Status.INVALID_MEMORY_ACCESS
_COUNTER = call("proxy_define_metric", 0, b"probe_counter", Slot(2))
_GAUGE = call("proxy_define_metric", 1, b"probe_gauge", Slot(2))
_HISTOGRAM = call("proxy_define_metric", 2, b"probe_histogram", Slot(2))
_QUEUE = call("proxy_register_shared_queue", b"probe", Slot(2))
_UNARY = call("proxy_grpc_call", UPSTREAM, *_GRPC, b"message", 1000, Slot(2))
_STREAMING = call("proxy_grpc_stream", UPSTREAM, *_GRPC, Slot(2))

CASES: tuple[Case, ...] = (
    _case("proxy_log", "a line", (2, b"x"), where=_ALL),
    _case("proxy_log", "an unknown level", (_UNKNOWN, b"x"), _WRONG),
    _case("proxy_log", "a wild pointer", (2, WILD, 8), _WILD),
    _case("proxy_get_log_level", "asked", (Slot(0),)),
    _case("proxy_get_log_level", "a wild pointer", (WILD,), _WILD),
    _case("proxy_get_current_time_nanoseconds", "asked", (Slot(0),)),
    _case("proxy_get_current_time_nanoseconds", "a wild pointer", (WILD,), _WILD),
    _case("proxy_set_tick_period_milliseconds", "none", (0,)),
    _case("proxy_set_buffer_bytes", "the request's body", (0, 0, 1, b"y"), where="request_body"),
    _case("proxy_set_buffer_bytes", "the response's body", (1, 0, 1, b"y"), where="response_body"),
    _case("proxy_set_buffer_bytes", "the configuration", (7, 0, 1, b"y"), _WRONG),
    _case("proxy_set_buffer_bytes", "an unknown buffer", (_UNKNOWN, 0, 1, b"y"), _WRONG),
    _case("proxy_set_buffer_bytes", "a wild pointer", (0, 0, 1, WILD, 8), _WILD, "request_body"),
    _case("proxy_get_buffer_bytes", "the request's body", (0, 0, 9, *_OUT), where="request_body"),
    _case("proxy_get_buffer_bytes", "the response's body", (1, 0, 9, *_OUT), where="response_body"),
    _case("proxy_get_buffer_bytes", "a call's body", (4, 0, 9, *_OUT), where="http_call_response"),
    _case("proxy_get_buffer_bytes", "a gRPC message", (5, 0, 9, *_OUT), where="grpc_receive"),
    _case("proxy_get_buffer_bytes", "the configuration", (7, 0, 9, *_OUT)),
    _case(
        "proxy_get_buffer_bytes", "foreign arguments", (8, 0, 9, *_OUT), where="foreign_function"
    ),
    _case(
        "proxy_get_buffer_bytes", "a body that is not there", (1, 0, 9, *_OUT), _NOT_FOUND, _REQUEST
    ),
    _case("proxy_get_buffer_bytes", "an unknown buffer", (_UNKNOWN, 0, 9, *_OUT), _WRONG),
    _case("proxy_get_buffer_bytes", "an end beyond 32 bits", (7, -1, 9, *_OUT), _WRONG),
    _case("proxy_get_buffer_bytes", "a wild pointer", (7, 0, 9, WILD, Slot(0)), _WILD),
    _case("proxy_get_buffer_status", "the request's body", (0, *_OUT), where="request_body"),
    _case("proxy_get_buffer_status", "the configuration", (7, *_OUT)),
    _case("proxy_get_buffer_status", "an unknown buffer", (_UNKNOWN, *_OUT), _WRONG),
    _case("proxy_get_buffer_status", "a wild pointer", (7, WILD, Slot(0)), _WILD),
    _case("proxy_get_header_map_size", "the request's", (0, Slot(0)), where=_REQUEST),
    _case("proxy_get_header_map_size", "an unknown map", (_UNKNOWN, Slot(0)), _WRONG),
    _case("proxy_get_header_map_size", "a wild pointer", (0, WILD), _WILD, _REQUEST),
    _case("proxy_get_header_map_pairs", "the request's", (0, *_OUT), where=_REQUEST),
    _case("proxy_get_header_map_pairs", "the response's", (2, *_OUT), where=_RESPONSE),
    _case("proxy_get_header_map_pairs", "a call's", (6, *_OUT), where="http_call_response"),
    _case("proxy_get_header_map_pairs", "gRPC metadata", (4, *_OUT), where="grpc_metadata"),
    _case("proxy_get_header_map_pairs", "gRPC trailers", (5, *_OUT), where="grpc_trailers"),
    _case("proxy_get_header_map_pairs", "an unknown map", (_UNKNOWN, *_OUT), _WRONG),
    _case("proxy_get_header_map_pairs", "a wild pointer", (0, WILD, Slot(0)), _WILD, _REQUEST),
    _case("proxy_get_header_map_value", "the request's", (0, b":path", *_OUT), where=_REQUEST),
    _case("proxy_get_header_map_value", "the response's", (2, b":status", *_OUT), where=_RESPONSE),
    _case(
        "proxy_get_header_map_value", "a call's", (6, b":status", *_OUT), where="http_call_response"
    ),
    _case(
        "proxy_get_header_map_value", "an absent one", (0, b"x-absent", *_OUT), _NOT_FOUND, _REQUEST
    ),
    _case("proxy_get_header_map_value", "an unknown map", (_UNKNOWN, b"x", *_OUT), _WRONG),
    _case("proxy_get_header_map_value", "a wild pointer", (0, WILD, 8, *_OUT), _WILD, _REQUEST),
    _case("proxy_set_header_map_pairs", "the request's", (0, _FIELDS), where="request_headers"),
    _case(
        "proxy_set_header_map_pairs", "half a map", (0, b"\1\0\0\0\1"), _WRONG, "request_headers"
    ),
    _case("proxy_set_header_map_pairs", "an unknown map", (_UNKNOWN, _FIELDS), _WRONG),
    _case("proxy_set_header_map_pairs", "a wild pointer", (0, WILD, 8), _WILD, "request_headers"),
    *(
        case
        for name in ("proxy_add_header_map_value", "proxy_replace_header_map_value")
        for case in (
            _case(name, "the request's", (0, b"x-new", b"1"), where="request_headers"),
            _case(name, "the response's", (2, b"x-new", b"1"), where="response_headers"),
            _case(name, "gone on already", (0, b"x-new", b"1"), _WRONG, _RESPONSE),
            _case(name, "a line break in a value", (0, b"x", b"a\r\nb"), _WRONG, "request_headers"),
            _case(name, "an unknown map", (_UNKNOWN, b"x", b"1"), _WRONG),
            _case(name, "a wild pointer", (0, b"x", WILD, 8), _WILD, "request_headers"),
        )
    ),
    _case("proxy_remove_header_map_value", "the request's", (0, b"x-old"), where="request_headers"),
    _case("proxy_remove_header_map_value", "an absent one", (0, b"x-absent"), where=_REQUEST),
    _case("proxy_remove_header_map_value", "an unknown map", (_UNKNOWN, b"x"), _WRONG),
    _case(
        "proxy_remove_header_map_value", "a wild pointer", (0, WILD, 8), _WILD, "request_headers"
    ),
    _case("proxy_continue_stream", "the request", (0,), where=_STREAM),
    _case("proxy_continue_stream", "the response", (1,), where=_STREAM),
    _case("proxy_continue_stream", "an unknown one", (_UNKNOWN,), _WRONG),
    _case("proxy_close_stream", "the request", (0,), where=_STREAM),
    _case("proxy_close_stream", "an unknown one", (_UNKNOWN,), _WRONG),
    _case("proxy_send_local_response", "403", (403, b"", b"no", pairs(), -1), where=_STREAM),
    _case(
        "proxy_send_local_response",
        "a wild pointer",
        (403, b"", WILD, 8, pairs(), -1),
        _WILD,
        _STREAM,
    ),
    _case("proxy_get_status", "of a call", (Slot(0), Slot(1), Slot(2)), where="http_call_response"),
    _case("proxy_get_status", "of a gRPC call", (Slot(0), Slot(1), Slot(2)), where="grpc_close"),
    _case("proxy_get_status", "of nothing", (Slot(0), Slot(1), Slot(2)), where=_STREAM),
    _case(
        "proxy_http_call",
        "an allowed upstream",
        (UPSTREAM, _FIELDS, b"", pairs(), 1000, Slot(0)),
        where=_STREAM,
    ),
    _case(
        "proxy_http_call",
        "an upstream not allowed",
        (b"other:80", _FIELDS, b"", pairs(), 1000, Slot(0)),
        _WRONG,
    ),
    _case(
        "proxy_http_call",
        "no :path",
        (UPSTREAM, pairs((b":method", b"GET")), b"", pairs(), 1000, Slot(0)),
        _WRONG,
    ),
    _case(
        "proxy_http_call", "a wild pointer", (UPSTREAM, WILD, 8, b"", pairs(), 1000, Slot(0)), _WILD
    ),
    _case(
        "proxy_grpc_call",
        "an allowed upstream",
        (UPSTREAM, *_GRPC, b"m", 1000, Slot(0)),
        where=_STREAM,
    ),
    _case(
        "proxy_grpc_call",
        "an upstream not allowed",
        (b"other:80", *_GRPC, b"m", 1000, Slot(0)),
        Status.PARSE_FAILURE,
    ),
    _case("proxy_grpc_call", "a wild pointer", (WILD, 8, *_GRPC, b"m", 1000, Slot(0)), _WILD),
    _case("proxy_grpc_stream", "an allowed upstream", (UPSTREAM, *_GRPC, Slot(0)), where=_STREAM),
    _case(
        "proxy_grpc_stream",
        "an upstream not allowed",
        (b"other:80", *_GRPC, Slot(0)),
        Status.PARSE_FAILURE,
    ),
    _case(
        "proxy_grpc_send", "to a stream", (Loaded(2), b"m", 1), where=_STREAM, after=(_STREAMING,)
    ),
    _case(
        "proxy_grpc_send", "to a unary call", (Loaded(2), b"m", 1), _WRONG, _STREAM, after=(_UNARY,)
    ),
    _case("proxy_grpc_send", "to nothing", (99_998, b"m", 1), _NOT_FOUND),
    _case("proxy_grpc_cancel", "a call", (Loaded(2),), where=_STREAM, after=(_UNARY,)),
    _case("proxy_grpc_cancel", "nothing", (99_998,), _NOT_FOUND),
    _case("proxy_grpc_close", "a stream", (Loaded(2),), where=_STREAM, after=(_STREAMING,)),
    _case("proxy_grpc_close", "nothing", (99_998,), _NOT_FOUND),
    _case("proxy_set_shared_data", "anyhow", (b"k", b"v", 0)),
    _case(
        "proxy_set_shared_data",
        "a stale number",
        (b"k", b"v", 77),
        Status.CAS_MISMATCH,
        after=(call("proxy_set_shared_data", b"k", b"v", 0),),
    ),
    _case("proxy_set_shared_data", "a wild pointer", (WILD, 8, b"v", 0), _WILD),
    _case(
        "proxy_get_shared_data",
        "a known key",
        (b"k", *_OUT, Slot(3)),
        after=(call("proxy_set_shared_data", b"k", b"v", 0),),
    ),
    _case("proxy_get_shared_data", "an unknown key", (b"none", *_OUT, Slot(3)), _NOT_FOUND),
    _case("proxy_register_shared_queue", "a name", (b"probe", Slot(0))),
    _case("proxy_register_shared_queue", "a wild pointer", (WILD, 8, Slot(0)), _WILD),
    _case("proxy_resolve_shared_queue", "its own", (b"", b"probe", Slot(0)), after=(_QUEUE,)),
    _case("proxy_resolve_shared_queue", "an unknown one", (b"", b"none", Slot(0)), _NOT_FOUND),
    _case("proxy_enqueue_shared_queue", "a value", (Loaded(2), b"v"), after=(_QUEUE,)),
    _case("proxy_enqueue_shared_queue", "an unknown queue", (99_998, b"v"), _NOT_FOUND),
    _case(
        "proxy_dequeue_shared_queue",
        "a value",
        (Loaded(2), *_OUT),
        after=(_QUEUE, call("proxy_enqueue_shared_queue", Loaded(2), b"v")),
    ),
    _case(
        "proxy_dequeue_shared_queue",
        "an empty queue",
        (Loaded(2), *_OUT),
        Status.EMPTY,
        after=(call("proxy_register_shared_queue", b"probe-empty", Slot(2)),),
    ),
    _case("proxy_dequeue_shared_queue", "an unknown queue", (99_998, *_OUT), _NOT_FOUND),
    _case("proxy_define_metric", "a counter", (0, b"probe_counter", Slot(0))),
    _case("proxy_define_metric", "an unknown kind", (_UNKNOWN, b"probe_other", Slot(0)), _WRONG),
    _case("proxy_define_metric", "a wild pointer", (0, WILD, 8, Slot(0)), _WILD),
    _case("proxy_record_metric", "a gauge", (Loaded(2), Long(5)), after=(_GAUGE,)),
    _case("proxy_record_metric", "an unknown one", (99_998, Long(5)), _NOT_FOUND),
    _case("proxy_increment_metric", "a counter", (Loaded(2), Long(1)), after=(_COUNTER,)),
    _case(
        "proxy_increment_metric",
        "a counter downwards",
        (Loaded(2), Long(-1)),
        _WRONG,
        after=(_COUNTER,),
    ),
    _case("proxy_increment_metric", "an unknown one", (99_998, Long(1)), _NOT_FOUND),
    _case("proxy_get_metric", "a counter", (Loaded(2), Slot(0)), after=(_COUNTER,)),
    _case("proxy_get_metric", "a histogram", (Loaded(2), Slot(0)), _WRONG, after=(_HISTOGRAM,)),
    _case("proxy_get_metric", "an unknown one", (99_998, Slot(0)), _NOT_FOUND),
    _case("proxy_get_property", "of the plugin", (b"plugin_name", *_OUT)),
    _case("proxy_get_property", "of the request", (b"request\0path", *_OUT), where=_STREAM),
    _case("proxy_get_property", "an unknown one", (b"no\0such", *_OUT), _NOT_FOUND),
    _case("proxy_get_property", "a wild pointer", (WILD, 8, *_OUT), _WILD),
    _case("proxy_set_property", "of the stream", (b"probe", b"v"), where=_STREAM),
    _case("proxy_set_property", "a wild pointer", (WILD, 8, b"v"), _WILD),
    _case(
        "proxy_call_foreign_function",
        "an asynchronous one",
        (FOREIGN_FUNCTION, b"x", *_OUT),
        where=_STREAM,
    ),
    _case("proxy_call_foreign_function", "an unknown one", (b"none", b"", *_OUT), _NOT_FOUND),
    _case("proxy_call_foreign_function", "a wild pointer", (WILD, 8, b"", *_OUT), _WILD),
    _case("proxy_set_effective_context", "the root", (1,)),
    _case("proxy_set_effective_context", "an unknown one", (99_998,), _WRONG),
    _case("proxy_done", "nothing pends", (), _NOT_FOUND, _STREAM),
    _case("proxy_done", "within on_done", (), where="done"),
    _case("proxy_redis_init", "an allowed server", (b"probe:80", b"", b"", 1000), where=_STREAM),
    _case("proxy_redis_init", "a wild pointer", (WILD, 8, b"", b"", 1000), _WILD),
    _case(
        "proxy_redis_call",
        "a server not allowed",
        (b"other:80", b"*1\r\n$4\r\nPING\r\n", Slot(0)),
        _WRONG,
    ),
    _case("proxy_redis_call", "a wild pointer", (WILD, 8, b"", Slot(0)), _WILD),
    _case(
        "proxy_inject_encoded_data_to_filter_chain",
        "a wild pointer",
        (WILD, 8, 0),
        _WILD,
        _RESPONSE,
    ),
    _case("proxy_get_upstream_hosts", "asked", _OUT, _NOT_FOUND),
    _case("proxy_set_upstream_override_host", "a host", (b"192.0.2.1:80",), _NOT_FOUND),
    _case("proxy_continue_request", "of 0.1.0", (), where=_STREAM),
    _case("proxy_continue_response", "of 0.1.0", (), where=_STREAM),
    _case("proxy_clear_route_cache", "of 0.1.0", (), where=_STREAM),
    _case("proxy_get_configuration", "of 0.1.0", _OUT),
)
