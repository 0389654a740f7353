"""Answers callouts from the inputs of a trace: nothing leaves the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.callouts.delivery import Answer, deliver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wasmgate._native import Callout, Effects
    from wasmgate.trace.messages import Response

__all__ = ["Answers"]

_UNAVAILABLE = 14
# Success in HTTP and in gRPC.
_GOOD = (200, 0)


class Answers:
    """Answers by upstream or foreign function, used in order; the last one is repeated.

    For a gRPC call the body is the message, and a status other than 0 and 200 is its failure. A
    gRPC stream uses one answer for each message of the policy and ends with OK when the policy
    half-closes it. Without an answer a callout fails as if its upstream were down.
    """

    def __init__(self, given: Mapping[str, Sequence[Response]]) -> None:
        self.callouts: list[tuple[str, str, str]] = []
        self._left = {name: list(answers) for name, answers in given.items()}
        self._streams: dict[int, str] = {}

    def to(self, callout: Callout) -> Iterator[Effects | None]:
        """Answer a callout and yield the effects of the policy's callbacks."""
        match callout.kind:
            case "grpc_send":
                yield from self._to_message(callout)
            case "grpc_close":
                yield _native.deliver_close(callout.id, 0, "")
            case "grpc_stream":
                yield self._open(callout)
            case _:
                named = callout.name if callout.kind == "foreign" else callout.upstream
                self.callouts.append((callout.policy, callout.kind, named))
                answer = self._next(named)
                yield _fail(callout, named) if answer is None else _deliver(callout, answer)

    def _next(self, named: str) -> Response | None:
        left = self._left.get(named, [])
        if len(left) > 1:
            return left.pop(0)
        return left[0] if left else None

    def _open(self, callout: Callout) -> Effects | None:
        self.callouts.append((callout.policy, callout.kind, callout.upstream))
        if callout.upstream not in self._left:
            return _fail(callout, callout.upstream)
        self._streams[callout.id] = callout.upstream
        return _native.deliver_grpc_metadata(callout.id, [])

    def _to_message(self, callout: Callout) -> Iterator[Effects | None]:
        answer = self._next(self._streams.get(callout.id, ""))
        if answer is None:
            return
        yield _deliver(callout, answer)
        if callout.end:
            yield _native.deliver_close(callout.id, 0, "")


def _deliver(callout: Callout, answer: Response) -> Effects | None:
    if callout.kind.startswith("grpc") and answer.status not in _GOOD:
        return _native.deliver_close(
            callout.id, answer.status, answer.body.decode(errors="replace")
        )
    whole = Answer(status=answer.status, headers=answer.headers, body=answer.body)
    return deliver(callout, whole)


def _fail(callout: Callout, named: str) -> Effects | None:
    return _native.deliver_close(callout.id, _UNAVAILABLE, f"the trace has no answer for {named}")
