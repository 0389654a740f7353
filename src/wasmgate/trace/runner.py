"""Run one request through policies, offline and so that it can be run again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.artifacts import cache_folder
from wasmgate.foreign import LIMITS_HIT
from wasmgate.trace.messages import Request, Response, masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._native import Callout, Effects, Host, TraceEvent
    from wasmgate.trace.sources import Opened, Policies

__all__ = ["Inputs", "Outcome", "run"]

PATIENCE = 60.0
"""Seconds of the virtual clock that a request may wait for ticks of its policies."""

_TICKS = 1000
_UNAVAILABLE, _REDIS_FAILED = 14, 1


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All that a policy can find: the same inputs give the same outcome.

    `answers` are those to callouts, by upstream or by the name of the foreign function; one after
    the other, and the last one again. `clock` is nanoseconds since 1970.
    """

    request: Request = field(default_factory=Request)
    response: Response = field(default_factory=Response)
    answers: Mapping[str, Sequence[Response]] = field(default_factory=dict)
    clock: int = field(default_factory=time.time_ns)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the upstream and the client would have seen, and how it came about.

    `upstream` is None when the request did not go on, `client` when nothing was answered.
    `callouts` are (policy, kind, upstream or function).
    """

    upstream: Request | None
    client: Response | None
    reset: bool
    events: Sequence[TraceEvent]
    lost: int
    denials: Sequence[tuple[str, str, str, int]]
    callouts: Sequence[tuple[str, str, str]]

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Policy, callback or hostcall, and what it answered, in order."""
        return [(event.policy, event.name, event.outcome) for event in self.events]

    def masked(self) -> Outcome:
        """Return the same without the values of headers that prove who somebody is."""
        return replace(
            self,
            upstream=self.upstream and masked(self.upstream),
            client=self.client and masked(self.client),
        )


def run(policies: Policies, inputs: Inputs, *, secrets: bool = False) -> Outcome:
    """Run a request through policies. Nothing leaves this process.

    Secrets are masked unless `secrets`. Raises ConfigError, PolicyLoadError.
    """
    built_in = _native.built_in_functions()
    host = _native.Host(
        cache=cache_folder(),
        log_level=0,
        clock=inputs.clock,
        seed=inputs.seed,
        # Any name with an answer may be an application's function.
        asynchronous_functions=[LIMITS_HIT, *(it for it in inputs.answers if it not in built_in)],
    )
    open_request = policies.load(host)
    host.record(secrets=secrets)
    passage = _Passage(open_request(inputs.request), host, inputs)
    passage.pass_through()
    host.stop_recording()
    events, lost = host.take_trace()
    return Outcome(
        upstream=passage.upstream(),
        client=passage.client(),
        reset=passage.reset,
        events=events,
        lost=lost,
        denials=host.denials(),
        callouts=passage.callouts,
    )


class _Passage:
    """One request on its way, with an upstream and callouts that answer from `inputs`."""

    def __init__(self, opened: Opened, host: Host, inputs: Inputs) -> None:
        self.callouts: list[tuple[str, str, str]] = []
        self.reset = False
        self._opened, self._host, self._inputs = opened, host, inputs
        self._answers = {name: list(answers) for name, answers in inputs.answers.items()}
        self._waiting: list[Callout] = []
        self._head: tuple[str, bytes, list[tuple[bytes, bytes]]] | None = None
        self._status: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._to_upstream, self._to_client = bytearray(), bytearray()

    def upstream(self) -> Request | None:
        if self._head is None:
            return None
        method, target, headers = self._head
        return Request(
            method=method,
            target=target,
            headers=tuple(headers),
            body=bytes(self._to_upstream),
            scheme=self._inputs.request.scheme,
        )

    def client(self) -> Response | None:
        if self._status is None:
            return None
        status, headers = self._status
        return Response(status=status, headers=tuple(headers), body=bytes(self._to_client))

    def pass_through(self) -> None:
        stream, request, response = self._opened.stream, self._inputs.request, self._inputs.response
        if self._opened.effects is None:
            self._head = self._opened.head(None)
        self._settle(self._opened.effects)
        if self._opened.body_follows and self._status is None and not self.reset:
            effects = stream.on_request_body(request.body, True)  # noqa: FBT003 (the last chunk)
            if effects is None:
                self._to_upstream += request.body
            self._settle(effects)
        if self._head is not None and self._status is None and not self.reset:
            bodiless = not response.body
            effects = stream.on_response_headers(response.status, response.headers, bodiless)
            if effects is None:
                self._status = (response.status, list(response.headers))
            self._settle(effects)
            if response.body and not self.reset:
                effects = stream.on_response_body(response.body, True)  # noqa: FBT003 (the last)
                if effects is None:
                    self._to_client += response.body
                self._settle(effects)
        self._settle(stream.close())

    def _settle(self, effects: Effects | None) -> None:
        """Perform what was asked; while the request waits, let the clock go to the next tick."""
        self._note(effects)
        patience = PATIENCE
        for _ in range(_TICKS):
            while self._waiting:
                self._note(self._answer(self._waiting.pop(0)))
            wait, ticked = self._opened.tick()
            self._note(ticked)
            if self._waiting:
                continue
            if wait is None or wait > patience or not self._is_held():
                return
            patience -= wait
            self._host.advance(wait)

    def _is_held(self) -> bool:
        return self._head is None and self._status is None and not self.reset

    def _note(self, effects: Effects | None) -> None:
        if effects is None:
            return
        self._waiting += effects.callouts
        self._waiting = [it for it in self._waiting if it.id not in set(effects.cancelled)]
        self.reset |= effects.reset
        if effects.forward:
            self._head = self._opened.head(effects)
        self._to_upstream += effects.request_body or b""
        if effects.response_head is not None:
            self._status = effects.response_head
        self._to_client += effects.response_body or b""
        if self._opened.stream.id in effects.wake:
            self._note(self._opened.stream.resume())

    def _answer(self, callout: Callout) -> Effects | None:
        named = callout.name if callout.kind == "foreign" else callout.upstream
        if callout.kind != "grpc_close":
            self.callouts.append((callout.policy, callout.kind, named))
        answers = self._answers.get(named, [])
        answer = answers[0] if answers else None
        if len(answers) > 1:
            answers.pop(0)
        return _fail(callout, named) if answer is None else _deliver(callout, answer)


def _deliver(callout: Callout, answer: Response) -> Effects | None:
    match callout.kind:
        case "http":
            status = (b":status", str(answer.status).encode())
            return _native.deliver_http(callout.id, [status, *answer.headers], answer.body, [])
        case "grpc":
            return _native.deliver_grpc_message(callout.id, answer.body)
        case "redis":
            return _native.deliver_redis(callout.id, 0, answer.body)
        case "foreign":
            return _native.deliver_foreign(callout.id, answer.body)
    return _fail(callout, callout.upstream)


def _fail(callout: Callout, named: str) -> Effects | None:
    missing = f"the trace has no answer for {named}"
    match callout.kind:
        case "http":
            return _native.deliver_http_failure(callout.id, missing)
        case "redis":
            return _native.deliver_redis(callout.id, _REDIS_FAILED, b"")
        case "foreign":
            return _native.deliver_foreign(callout.id, b"")
        case "grpc" | "grpc_stream":
            return _native.deliver_grpc_close(callout.id, _UNAVAILABLE, missing)
    return None
