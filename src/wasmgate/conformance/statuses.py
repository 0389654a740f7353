"""The statuses of the ABI, and those that the Rust SDK tolerates from each hostcall."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOLERATED", "Status"]


class Status(IntEnum):
    """`proxy_status_t` (proxy-wasm/spec, abi-versions/v0.2.1; C++ SDK for 5, 9 and 11)."""

    OK = 0
    NOT_FOUND = 1
    BAD_ARGUMENT = 2
    SERIALIZATION_FAILURE = 3
    PARSE_FAILURE = 4
    BAD_EXPRESSION = 5
    INVALID_MEMORY_ACCESS = 6
    EMPTY = 7
    CAS_MISMATCH = 8
    RESULT_MISMATCH = 9
    INTERNAL_FAILURE = 10
    BROKEN_CONNECTION = 11
    UNIMPLEMENTED = 12


_ABSENT = frozenset({Status.NOT_FOUND})
_WRONG = frozenset({Status.BAD_ARGUMENT})
_FAILED = frozenset({Status.INTERNAL_FAILURE})
_UNREADABLE = frozenset({Status.PARSE_FAILURE})

TOLERATED: Mapping[str, frozenset[Status]] = {
    "proxy_get_buffer_bytes": _ABSENT,
    "proxy_get_buffer_status": _ABSENT,
    "proxy_get_header_map_value": _ABSENT,
    "proxy_get_property": _ABSENT | _FAILED | {Status.SERIALIZATION_FAILURE},
    "proxy_get_shared_data": _ABSENT,
    "proxy_set_shared_data": frozenset({Status.CAS_MISMATCH}),
    "proxy_resolve_shared_queue": _ABSENT,
    "proxy_dequeue_shared_queue": _ABSENT | {Status.EMPTY},
    "proxy_enqueue_shared_queue": _ABSENT,
    "proxy_record_metric": _ABSENT,
    "proxy_increment_metric": _ABSENT | _WRONG,
    "proxy_get_metric": _ABSENT | _WRONG,
    "proxy_http_call": _WRONG | _FAILED,
    "proxy_grpc_call": _UNREADABLE | _FAILED,
    "proxy_grpc_stream": _UNREADABLE | _FAILED,
    "proxy_grpc_send": _ABSENT | _WRONG,
    "proxy_grpc_cancel": _ABSENT,
    "proxy_grpc_close": _ABSENT,
    "proxy_set_effective_context": _WRONG,
    "proxy_call_foreign_function": _ABSENT | _WRONG | _FAILED | {Status.SERIALIZATION_FAILURE},
}
"""Statuses beside OK for which the Rust SDK 0.2 does not panic (proxy-wasm-rust-sdk, hostcalls.rs).

A hostcall without an entry must return OK wherever a policy may call it.
"""
