"""How long a request may take, and its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.gateway.asgi.failures import ClientTimeout, RouteTimeout
from wasmgate.messages import request_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate._asgi import Message, Receive

__all__ = ["RequestTimeouts"]

CLIENT_TIMEOUT = 60.0  # seconds between two parts of a request's body, as without ASGI
NEVER = float("inf")


class RequestTimeouts:
    """The time of a request's route, and that of its client; `timeout` is in seconds."""

    __slots__ = ("_awaited", "_deadline", "_now", "_timeout")

    def __init__(self, now: Callable[[], float], timeout: float | None) -> None:
        self._now = now
        self._awaited = NEVER  # since when the client is waited for
        self._timeout = timeout
        self._deadline = NEVER if timeout is None else now() + timeout

    def follow(self, timeout: float | None) -> float | None:
        """Take the time of the route that was chosen again; return what is left of it."""
        if timeout != self._timeout:
            self._timeout = timeout
            self._deadline = NEVER if timeout is None else self._now() + timeout
        return None if timeout is None else max(0.0, self._deadline - self._now())

    @property
    def over(self) -> bool:
        """Whether the route's time is over."""
        return self._now() >= self._deadline

    async def received(self, receive: Receive) -> Message:
        """Wait for the client. Raises AsgiError for a message that breaks ASGI's rules."""
        self._awaited = self._now()
        try:
            return request_part(await receive())
        finally:
            self._awaited = NEVER

    def end(self, now: float) -> Exception | None:
        """Return what has run out; each once."""
        if now > self._deadline:
            self._deadline = NEVER
            return RouteTimeout("a route's time was over while something else was waited for")
        if now - self._awaited > CLIENT_TIMEOUT:
            self._awaited = NEVER
            return ClientTimeout("a client did not send the rest of its request in time")
        return None
