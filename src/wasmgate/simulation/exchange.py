"""One request and its response without a client and an upstream."""

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
    """The part of a request or response that policies let through."""

    head: Head
    body: bytearray = field(default_factory=bytearray)
    trailers: Fields = field(default_factory=list)
    complete: bool = False
    """Whether the whole message was let through."""

    def add(self, body: bytes | None, trailers: Fields | None, *, end: bool) -> None:
        """Add the body and the trailers of a step."""
        self.body += body or b""
        self.trailers += trailers or []
        self.complete |= end


class SimulatedExchange(Generic[Head]):
    """Passes messages through a stream and keeps what policies let through.

    `head` makes the request's head from the effects that forward it; None: unchanged. `note` gets
    the effects of each step: log lines, callouts, streams to wake, timers.
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
        """The forwarded request; None while a policy pauses it, or if a policy answered."""
        self.client: Passed[StatusLine] | None = None
        """The response to the client."""
        self.reset = False
        """A policy cut the client's connection."""
        self._head = head
        self._note = note

    @property
    def held(self) -> bool:
        """Whether the request was neither forwarded nor answered."""
        return self.upstream is None and self.client is None and not self.reset

    def begin(self, effects: Effects | None, *, body_follows: bool) -> None:
        """Apply the effects of the request's head."""
        if effects is None:
            self.upstream = Passed(self._head(None), complete=not body_follows)
        self._take(effects)

    def send(self, body: bytes, *, end: bool) -> None:
        """Send a part of the request's body."""
        effects = self.stream.on_request_body(body, end)
        if effects is None and self.upstream is not None:
            self.upstream.add(body, None, end=end)
        self._take(effects)

    def send_trailers(self, trailers: Fields) -> None:
        """Send the request's trailers."""
        effects = self.stream.on_request_trailers(trailers)
        if effects is None and self.upstream is not None:
            self.upstream.add(None, trailers, end=True)
        self._take(effects)

    def receive_head(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], *, end: bool
    ) -> None:
        """Receive the head of the upstream's response."""
        effects = self.stream.on_response_headers(status, headers, end)
        if effects is None:
            self.client = Passed((status, list(headers)), complete=end)
        self._take(effects)

    def receive(self, body: bytes, *, end: bool) -> None:
        """Receive a part of the response's body."""
        effects = self.stream.on_response_body(body, end)
        if effects is None and self.client is not None:
            self.client.add(body, None, end=end)
        self._take(effects)

    def receive_trailers(self, trailers: Fields) -> None:
        """Receive the response's trailers."""
        effects = self.stream.on_response_trailers(trailers)
        if effects is None and self.client is not None:
            self.client.add(None, trailers, end=True)
        self._take(effects)

    def resume(self) -> None:
        """Continue a stream that was woken."""
        self._take(self.stream.resume())

    def close(self) -> None:
        """End the stream."""
        self._take(self.stream.close())
        self._note = _ignore  # without the reference cycle the policies are freed at once

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
