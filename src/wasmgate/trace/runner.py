"""Runs one request through policies offline and deterministically."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.errors import PolicyLoadError
from wasmgate.foreign import LIMITS_HIT
from wasmgate.policy.artifacts import cache_folder
from wasmgate.simulation.exchange import SimulatedExchange
from wasmgate.trace.callout_answers import Answers
from wasmgate.trace.holding import held_by
from wasmgate.trace.messages import Request, Response, masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._native import Callout, Effects, Host, TraceEvent
    from wasmgate.trace.messages import Hide
    from wasmgate.trace.sources import Opened, Policies

__all__ = ["Inputs", "Outcome", "run"]

LONGEST_WAIT = 60.0
"""Seconds of the virtual clock that a request may wait for ticks of its policies."""

_TICKS = 1000


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All inputs of a run: the same inputs give the same outcome.

    `answers` are the answers to callouts, by upstream or by the name of the foreign function, used
    in order; the last one is repeated. `clock` is the Unix time in nanoseconds.
    """

    request: Request = field(default_factory=Request)
    response: Response = field(default_factory=Response)
    answers: Mapping[str, Sequence[Response]] = field(default_factory=dict)
    clock: int = field(default_factory=time.time_ns)
    seed: int = 0

    def masked(self, hide: Hide) -> Inputs:
        """Return the same with credentials masked."""
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
    """The messages that upstream and client would have received, and the events of the run.

    `upstream` is None if the request was not forwarded, `client` if there was no response.
    `callouts` are (policy, kind, upstream or function). `error`: a policy did not start, and the
    request was not sent. `held_by` is the policy that paused a request that was not forwarded, and
    why. `hide` masks the secrets of the run.
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
        """Policy, callback or hostcall, and its outcome, in order."""
        return [(event.policy, event.name, event.outcome) for event in self.events]

    def masked(self) -> Outcome:
        """Return the same with credentials masked."""
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

    Secrets are masked unless `secrets`. If a policy does not start, the outcome has the error and
    the events until then. Raises ConfigError.
    """
    built_in = _native.built_in_functions()
    host = _native.Host(
        cache=cache_folder(),
        log_level=0,
        clock=inputs.clock,
        seed=inputs.seed,
        # A name with an answer may be a foreign function of an application.
        asynchronous_functions=[LIMITS_HIT, *(it for it in inputs.answers if it not in built_in)],
    )
    host.record(secrets=secrets)
    # A secret of the request is masked wherever a policy repeats it.
    inputs.masked(host.hide)
    try:
        open_request = policies.load(host)
    except PolicyLoadError as error:
        return _outcome(host, error=error)
    # The instance of the request starts with the same callbacks as the one that `load` tried.
    host.record(secrets=secrets)
    traced = _TracedRequest(open_request(inputs.request), host, inputs)
    traced.run()
    return _outcome(host, traced)


def _outcome(
    host: Host, traced: _TracedRequest | None = None, error: PolicyLoadError | None = None
) -> Outcome:
    host.stop_recording()
    events, lost = host.take_trace()
    callouts = traced.answers.callouts if traced is not None else []
    return Outcome(
        upstream=None if traced is None else traced.upstream(),
        client=None if traced is None else traced.client(),
        reset=traced is not None and traced.exchange.reset,
        events=events,
        lost=lost,
        denials=host.denials(),
        callouts=callouts,
        hide=host.hide,
        error=error,
        held_by=held_by(events, callouts) if traced is not None and traced.exchange.held else None,
    )


class _TracedRequest:
    """One request, with an upstream and callouts that are answered from `inputs`."""

    def __init__(self, opened: Opened, host: Host, inputs: Inputs) -> None:
        self.answers = Answers(inputs.answers)
        self._opened, self._host, self._inputs = opened, host, inputs
        self._unanswered: list[Callout] = []
        self.exchange = SimulatedExchange(opened.stream, head=opened.head, note=self._note)

    def upstream(self) -> Request | None:
        passed = self.exchange.upstream
        if passed is None:
            return None
        method, target, headers = passed.head
        return Request(
            method=method,
            target=target,
            headers=tuple(headers),
            body=bytes(passed.body),
            trailers=tuple(passed.trailers),
            scheme=self._inputs.request.scheme,
        )

    def client(self) -> Response | None:
        passed = self.exchange.client
        if passed is None:
            return None
        status, headers = passed.head
        return Response(
            status=status,
            headers=tuple(headers),
            body=bytes(passed.body),
            trailers=tuple(passed.trailers),
        )

    def run(self) -> None:
        exchange, opened = self.exchange, self._opened
        exchange.begin(opened.effects, body_follows=opened.body_follows)
        self._wait()
        if opened.body_follows and self._unanswered_by_policies:
            self._send(self._inputs.request)
        if exchange.upstream is not None and self._unanswered_by_policies:
            self._receive(self._inputs.response)
        exchange.close()
        self._wait()

    @property
    def _unanswered_by_policies(self) -> bool:
        return self.exchange.client is None and not self.exchange.reset

    def _send(self, request: Request) -> None:
        trailers = list(request.trailers)
        self.exchange.send(request.body, end=not trailers)
        self._wait()
        if trailers and self._unanswered_by_policies:
            self.exchange.send_trailers(trailers)
            self._wait()

    def _receive(self, response: Response) -> None:
        exchange, trailers = self.exchange, list(response.trailers)
        bodiless = not response.body and not trailers
        exchange.receive_head(response.status, response.headers, end=bodiless)
        self._wait()
        if response.body and not exchange.reset:
            exchange.receive(response.body, end=not trailers)
            self._wait()
        if trailers and not exchange.reset:
            exchange.receive_trailers(trailers)
            self._wait()

    def _wait(self) -> None:
        """Answer callouts; while the request is paused, advance the clock to the next tick."""
        left = LONGEST_WAIT
        for _ in range(_TICKS):
            while self._unanswered:
                for effects in self.answers.to(self._unanswered.pop(0)):
                    if effects is not None:
                        self._note(effects)
            wait, ticked = self._opened.tick()
            self._note(ticked)
            if self._unanswered:
                continue
            if wait is None or wait > left or not self.exchange.held:
                return
            left -= wait
            self._host.advance(wait)

    def _note(self, effects: Effects) -> None:
        """Collect the effects outside of the exchange, and resume the exchange if it was woken."""
        self._unanswered += effects.callouts
        self._unanswered = [it for it in self._unanswered if it.id not in effects.cancelled]
        if self.exchange.stream.id in effects.wake:
            self.exchange.resume()
