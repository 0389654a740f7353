"""The answer to a callout on its way to the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import Callout, Effects

__all__ = ["Answer", "deliver"]


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
    """Deliver a response to the policy and return the effects.

    For a gRPC stream the answer is one message.
    """
    if callout.kind != "http":
        return _native.deliver_response(callout.id, (), answer.body, ())
    fields = [(b":status", b"%d" % answer.status), *answer.headers]
    return _native.deliver_response(callout.id, fields, answer.body, tuple(answer.trailers))
