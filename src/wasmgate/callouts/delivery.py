"""The answer to a callout on its way to the policy: one row for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import Callout, Effects

__all__ = ["Answer", "deliver", "deliver_failure"]

_REDIS_OK, _REDIS_FAILED = 0, 1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer: of HTTP a response, else `body` alone.

    `body` is a gRPC message, what a Redis server sent, or the result of a foreign function.
    """

    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    trailers: Sequence[tuple[bytes, bytes]] = ()


def deliver(callout: Callout, answer: Answer) -> Effects | None:
    """Hand an answer to the policy; returns what it asks then. Of a gRPC stream it is a message."""
    number = callout.id
    match callout.kind:
        case "http":
            fields = [(b":status", b"%d" % answer.status), *answer.headers]
            return _native.deliver_http(number, fields, answer.body, answer.trailers)
        case "redis":
            return _native.deliver_redis(number, _REDIS_OK, answer.body)
        case "foreign":
            return _native.deliver_foreign(number, answer.body)
    return _native.deliver_grpc_message(number, answer.body)


def deliver_failure(callout: Callout, status: int, reason: str) -> Effects | None:
    """Tell the policy that there is no answer: the gRPC status code, and why."""
    number = callout.id
    match callout.kind:
        case "http":
            return _native.deliver_http_failure(number, reason)
        case "redis":
            return _native.deliver_redis(number, _REDIS_FAILED, b"")
        case "foreign":
            return _native.deliver_foreign(number, b"")
    return _native.deliver_grpc_close(number, status, reason)
