"""Run one request through policies, offline and so that it can be run again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.errors import PolicyLoadError
from wasmgate.foreign import LIMITS_HIT
from wasmgate.policy.artifacts import cache_folder
from wasmgate.trace.callout_answers import Answers
from wasmgate.trace.holding import held_by
from wasmgate.trace.messages import Request, Response, masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._native import Callout, Effects, Host, TraceEvent
    from wasmgate.trace.messages import Hide
    from wasmgate.trace.sources import Opened, Policies

__all__ = ["Inputs", "Outcome", "run"]

PATIENCE = 60.0
"""Seconds of the virtual clock that a request may wait for ticks of its policies."""

_TICKS = 1000


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

    def masked(self, hide: Hide) -> Inputs:
        """Return the same without what proves who somebody is."""
        answers = {name: [masked(one, hide) for one in its] for name, its in self.answers.items()}
        return replace(
            self,
            request=masked(self.request, hide),
            response=masked(self.response, hide),
            answers=answers,
        )


# It may repeat in any place what is secret: it is not shown by repr().
@dataclass(frozen=True, kw_only=True, repr=False)
class Outcome:
    """What the upstream and the client would have seen, and how it came about.

    `upstream` is None when the request did not go on, `client` when nothing was answered.
    `callouts` are (policy, kind, upstream or function). With `error` a policy did not start, and
    nothing of the request happened. `held_by` is the policy that held a request that did not go
    on, and why. `hide` masks the secrets that the run met.
    """

    upstream: Request | None
    client: Response | None
    reset: bool
    events: Sequence[TraceEvent]
    lost: int
    denials: Sequence[tuple[str, str, str, int]]
    callouts: Sequence[tuple[str, str, str]]
    hide: Hide
    error: PolicyLoadError | None = None
    held_by: str | None = None

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Policy, callback or hostcall, and what it answered, in order."""
        return [(event.policy, event.name, event.outcome) for event in self.events]

    def masked(self) -> Outcome:
        """Return the same without what proves who somebody is."""
        hide = self.hide
        return replace(
            self,
            upstream=self.upstream and masked(self.upstream, hide),
            client=self.client and masked(self.client, hide),
            callouts=[
                (policy, kind, hide(named.encode(), b":path").decode())
                for policy, kind, named in self.callouts
            ],
        )


def run(policies: Policies, inputs: Inputs, *, secrets: bool = False) -> Outcome:
    """Run a request through policies. Nothing leaves this process.

    Secrets are masked unless `secrets`. A policy that does not start is told in the outcome, with
    what it did until then. Raises ConfigError.
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
    host.record(secrets=secrets)
    # What is secret in the request is masked wherever a policy repeats it.
    inputs.masked(host.hide)
    try:
        open_request = policies.load(host)
    except PolicyLoadError as error:
        return _outcome(host, error=error)
    # The instance of the request starts with the same callbacks as the one that was tried.
    host.record(secrets=secrets)
    passage = _Passage(open_request(inputs.request), host, inputs)
    passage.pass_through()
    return _outcome(host, passage)


def _outcome(
    host: Host, passage: _Passage | None = None, error: PolicyLoadError | None = None
) -> Outcome:
    host.stop_recording()
    events, lost = host.take_trace()
    return Outcome(
        upstream=None if passage is None else passage.upstream(),
        client=None if passage is None else passage.client(),
        reset=passage is not None and passage.reset,
        events=events,
        lost=lost,
        denials=host.denials(),
        callouts=passage.answers.callouts if passage is not None else [],
        hide=host.hide,
        error=error,
        held_by=held_by(events) if passage is not None and passage.is_held() else None,
    )


class _Passage:
    """One request on its way, with an upstream and callouts that answer from `inputs`."""

    def __init__(self, opened: Opened, host: Host, inputs: Inputs) -> None:
        self.answers = Answers(inputs.answers)
        self.reset = False
        self._opened, self._host, self._inputs = opened, host, inputs
        self._waiting: list[Callout] = []
        self._head: tuple[str, bytes, list[tuple[bytes, bytes]]] | None = None
        self._status: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._to_upstream, self._to_client = bytearray(), bytearray()
        self._last_to_upstream: list[tuple[bytes, bytes]] = []
        self._last_to_client: list[tuple[bytes, bytes]] = []

    def upstream(self) -> Request | None:
        if self._head is None:
            return None
        method, target, headers = self._head
        return Request(
            method=method,
            target=target,
            headers=tuple(headers),
            body=bytes(self._to_upstream),
            trailers=tuple(self._last_to_upstream),
            scheme=self._inputs.request.scheme,
        )

    def client(self) -> Response | None:
        if self._status is None:
            return None
        status, headers = self._status
        return Response(
            status=status,
            headers=tuple(headers),
            body=bytes(self._to_client),
            trailers=tuple(self._last_to_client),
        )

    def pass_through(self) -> None:
        if self._opened.effects is None:
            self._head = self._opened.head(None)
        self._settle(self._opened.effects)
        if self._opened.body_follows and self._status is None and not self.reset:
            self._send(self._inputs.request)
        if self._head is not None and self._status is None and not self.reset:
            self._receive(self._inputs.response)
        self._settle(self._opened.stream.close())

    def _send(self, request: Request) -> None:
        stream, last = self._opened.stream, list(request.trailers)
        effects = stream.on_request_body(request.body, not last)
        if effects is None:
            self._to_upstream += request.body
        self._settle(effects)
        if last and self._status is None and not self.reset:
            effects = stream.on_request_trailers(last)
            if effects is None:
                self._last_to_upstream = last
            self._settle(effects)

    def _receive(self, response: Response) -> None:
        stream, last = self._opened.stream, list(response.trailers)
        bodiless = not response.body and not last
        effects = stream.on_response_headers(response.status, response.headers, bodiless)
        if effects is None:
            self._status = (response.status, list(response.headers))
        self._settle(effects)
        if response.body and not self.reset:
            effects = stream.on_response_body(response.body, not last)
            if effects is None:
                self._to_client += response.body
            self._settle(effects)
        if last and not self.reset:
            effects = stream.on_response_trailers(last)
            if effects is None:
                self._last_to_client = last
            self._settle(effects)

    def _settle(self, effects: Effects | None) -> None:
        """Perform what was asked; while the request waits, let the clock go to the next tick."""
        self._note(effects)
        patience = PATIENCE
        for _ in range(_TICKS):
            while self._waiting:
                for told in self.answers.to(self._waiting.pop(0)):
                    self._note(told)
            wait, ticked = self._opened.tick()
            self._note(ticked)
            if self._waiting:
                continue
            if wait is None or wait > patience or not self.is_held():
                return
            patience -= wait
            self._host.advance(wait)

    def is_held(self) -> bool:
        """Return whether nothing went on and nothing was answered."""
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
        self._last_to_upstream += effects.request_trailers or []
        if effects.response_head is not None:
            self._status = effects.response_head
        self._to_client += effects.response_body or b""
        self._last_to_client += effects.response_trailers or []
        if self._opened.stream.id in effects.wake:
            self._note(self._opened.stream.resume())
