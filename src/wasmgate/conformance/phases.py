"""The callbacks in which a probe runs, and how an exchange reaches them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmgate.conformance.calls import Slot, call, pairs
from wasmgate.conformance.encoding import I32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate.conformance.calls import Call
    from wasmgate.conformance.encoding import Signature

__all__ = ["ALWAYS_ALLOWED", "CALLBACKS", "FOREIGN_FUNCTION", "PHASES", "UPSTREAM", "Kind", "Phase"]

UPSTREAM = b"probe:80"
"""The upstream that probes call, which their capabilities allow."""

FOREIGN_FUNCTION = b"conformance.echo"
"""An asynchronous foreign function that returns its argument."""

_NONE, _BOOL = (), (I32,)
CALLBACKS: Mapping[str, Signature] = {
    "_initialize": ((), _NONE),
    "proxy_on_memory_allocate": ((I32,), _BOOL),
    "proxy_on_context_create": ((I32,) * 2, _NONE),
    "proxy_on_vm_start": ((I32,) * 2, _BOOL),
    "proxy_on_configure": ((I32,) * 2, _BOOL),
    "proxy_on_tick": ((I32,), _NONE),
    "proxy_on_queue_ready": ((I32,) * 2, _NONE),
    "proxy_on_request_headers": ((I32,) * 3, _BOOL),
    "proxy_on_request_body": ((I32,) * 3, _BOOL),
    "proxy_on_request_trailers": ((I32,) * 2, _BOOL),
    "proxy_on_response_headers": ((I32,) * 3, _BOOL),
    "proxy_on_response_body": ((I32,) * 3, _BOOL),
    "proxy_on_response_trailers": ((I32,) * 2, _BOOL),
    "proxy_on_http_call_response": ((I32,) * 5, _NONE),
    "proxy_on_grpc_receive_initial_metadata": ((I32,) * 3, _NONE),
    "proxy_on_grpc_receive": ((I32,) * 3, _NONE),
    "proxy_on_grpc_receive_trailing_metadata": ((I32,) * 3, _NONE),
    "proxy_on_grpc_close": ((I32,) * 3, _NONE),
    "proxy_on_foreign_function": ((I32,) * 3, _NONE),
    "proxy_on_done": ((I32,), _BOOL),
    "proxy_on_log": ((I32,), _NONE),
    "proxy_on_delete": ((I32,), _NONE),
}
"""Parameters and results (proxy-wasm/spec, abi-versions/v0.2.1, "Callbacks")."""

ACCEPTING = ("proxy_on_vm_start", "proxy_on_configure", "proxy_on_done")
"""Callbacks that return 1 for success; the others return 0, Continue."""


ALWAYS_ALLOWED = ("proxy_log", "proxy_get_log_level")
"""Hostcalls that are allowed also while a guest initializes or allocates."""


class Kind(StrEnum):
    """The kind of a callback, which decides what a hostcall can act on."""

    LIMITED = "limited"
    """Initialization and allocation: only logging and WASI are allowed."""

    ROOT = "root"
    REQUEST = "request"
    RESPONSE = "response"
    END = "end"
    """The stream has ended: it can be read, but not changed."""


@dataclass(frozen=True)
class Phase:
    """A callback, and what other callbacks must do for the host to call it."""

    name: str
    callback: str
    kind: Kind
    before: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)


_HEADERS = "proxy_on_request_headers"
_FIELDS = pairs((b":method", b"GET"), (b":path", b"/"), (b":authority", b"probe"))
_GRPC_PHASE = {
    _HEADERS: (call("proxy_grpc_stream", UPSTREAM, b"probe.Echo", b"Say", pairs(), Slot(7)),)
}
_QUEUE = b"conformance"

PHASES: tuple[Phase, ...] = (
    Phase("initialize", "_initialize", Kind.LIMITED),
    Phase(
        "allocate",
        "proxy_on_memory_allocate",
        Kind.LIMITED,
        {_HEADERS: (call("proxy_get_header_map_value", 0, b":path", Slot(6), Slot(7)),)},
    ),
    Phase("vm_start", "proxy_on_vm_start", Kind.ROOT),
    Phase("configure", "proxy_on_configure", Kind.ROOT),
    Phase(
        "tick",
        "proxy_on_tick",
        Kind.ROOT,
        {"proxy_on_configure": (call("proxy_set_tick_period_milliseconds", 1),)},
    ),
    Phase(
        "queue_ready",
        "proxy_on_queue_ready",
        Kind.ROOT,
        {
            "proxy_on_configure": (call("proxy_register_shared_queue", _QUEUE, Slot(7)),),
            _HEADERS: (
                call("proxy_register_shared_queue", _QUEUE, Slot(7)),
                call("proxy_enqueue_shared_queue", 1, b"value"),
            ),
        },
    ),
    Phase("context_create", "proxy_on_context_create", Kind.ROOT),
    Phase("request_headers", _HEADERS, Kind.REQUEST),
    Phase("request_body", "proxy_on_request_body", Kind.REQUEST),
    Phase("request_trailers", "proxy_on_request_trailers", Kind.REQUEST),
    Phase("response_headers", "proxy_on_response_headers", Kind.RESPONSE),
    Phase("response_body", "proxy_on_response_body", Kind.RESPONSE),
    Phase("response_trailers", "proxy_on_response_trailers", Kind.RESPONSE),
    Phase(
        "http_call_response",
        "proxy_on_http_call_response",
        Kind.ROOT,
        {_HEADERS: (call("proxy_http_call", UPSTREAM, _FIELDS, b"", pairs(), 1000, Slot(7)),)},
    ),
    Phase("grpc_metadata", "proxy_on_grpc_receive_initial_metadata", Kind.ROOT, _GRPC_PHASE),
    Phase("grpc_receive", "proxy_on_grpc_receive", Kind.ROOT, _GRPC_PHASE),
    Phase("grpc_trailers", "proxy_on_grpc_receive_trailing_metadata", Kind.ROOT, _GRPC_PHASE),
    Phase("grpc_close", "proxy_on_grpc_close", Kind.ROOT, _GRPC_PHASE),
    Phase(
        "foreign_function",
        "proxy_on_foreign_function",
        Kind.ROOT,
        {
            _HEADERS: (
                call("proxy_call_foreign_function", FOREIGN_FUNCTION, b"x", Slot(6), Slot(7)),
            )
        },
    ),
    Phase("done", "proxy_on_done", Kind.END),
    Phase("log", "proxy_on_log", Kind.END),
    Phase("delete", "proxy_on_delete", Kind.END),
)
