"""One request and its response, with neither a client nor an upstream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmgate import _native
    from wasmgate._native import Effects

__all__ = ["Fields", "Passed", "SimulatedExchange", "StatusLine"]

Fields: TypeAlias = list[tuple[bytes, bytes]]
StatusLine: TypeAlias = tuple[int, Fields]
"""Status and fields of a response."""

Head = TypeVar("Head")


@dataclass
class Passed(Generic[Head]):
    """What policies let go of a request, or of a response."""

    head: Head
    body: bytearray = field(default_factory=bytearray)
    trailers: Fields = field(default_factory=list)
    complete: bool = False
    """All of it went on."""

    def add(self, body: bytes | None, trailers: Fields | None, *, end: bool) -> None:
        """Take what goes on in a step."""
        self.body += body or b""
        self.trailers += trailers or []
        self.complete |= end


class SimulatedExchange(Generic[Head]):
    """Moves messages through a stream and keeps what goes on.

    `head` makes the request's head from the effects that let it go on; None: as it came. `note`
    takes the effects of each step for what they ask beside the exchange: log lines, callouts,
    streams to wake, timers.
    """

    def __init__(
        self,
        stream: _native.Stream | _native.Exchange,
        *,
        head: Callable[[Effects | None], Head],
        note: Callable[[Effects], None],
    ) -> None:
        self.stream = stream
        self.upstream: Passed[Head] | None = None
        """What reached the upstream; None while policies hold the request, or if one answered."""
        self.client: Passed[StatusLine] | None = None
        """What reached the client."""
        self.reset = False
        """A policy cut the client's connection."""
        self._head = head
        self._note = note

    @property
    def held(self) -> bool:
        """Whether nothing went on and nothing was answered."""
        return self.upstream is None and self.client is None and not self.reset

    def begin(self, effects: Effects | None, *, body_follows: bool) -> None:
        """Take the effects with which the stream was opened."""
        if effects is None:
            self.upstream = Passed(self._head(None), complete=not body_follows)
        self._take(effects)

    def send(self, body: bytes, *, end: bool) -> None:
        """Let a part of the request's body come."""
        effects = self.stream.on_request_body(body, end)
        if effects is None and self.upstream is not None:
            self.upstream.add(body, None, end=end)
        self._take(effects)

    def send_trailers(self, trailers: Fields) -> None:
        """Let the request's trailers come."""
        effects = self.stream.on_request_trailers(trailers)
        if effects is None and self.upstream is not None:
            self.upstream.add(None, trailers, end=True)
        self._take(effects)

    def receive_head(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], *, end: bool
    ) -> None:
        """Let the head of the upstream's response come."""
        effects = self.stream.on_response_headers(status, headers, end)
        if effects is None:
            self.client = Passed((status, list(headers)), complete=end)
        self._take(effects)

    def receive(self, body: bytes, *, end: bool) -> None:
        """Let a part of the response's body come."""
        effects = self.stream.on_response_body(body, end)
        if effects is None and self.client is not None:
            self.client.add(body, None, end=end)
        self._take(effects)

    def receive_trailers(self, trailers: Fields) -> None:
        """Let the response's trailers come."""
        effects = self.stream.on_response_trailers(trailers)
        if effects is None and self.client is not None:
            self.client.add(None, trailers, end=True)
        self._take(effects)

    def resume(self) -> None:
        """Go on if a policy said so."""
        self._take(self.stream.resume())

    def close(self) -> None:
        """End the stream."""
        self._take(self.stream.close())
        self._note = _ignore  # without the circle its policies can go now

    def _take(self, effects: Effects | None) -> None:
        if effects is None:
            return
        if effects.forward:
            self.upstream = Passed(self._head(effects))
        if self.upstream is not None:
            body, trailers = effects.request_body, effects.request_trailers
            self.upstream.add(body, trailers, end=effects.request_end)
        if effects.response_head is not None:
            self.client = Passed(effects.response_head)
        if self.client is not None:
            body, trailers = effects.response_body, effects.response_trailers
            self.client.add(body, trailers, end=effects.response_end)
        self.reset |= effects.reset
        self._note(effects)


def _ignore(_: Effects) -> None:
    return None
