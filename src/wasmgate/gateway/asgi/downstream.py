"""The client's side of one request: what goes on to the ASGI server, and in which messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate.gateway.asgi.date import dated
from wasmgate.gateway.asgi.failures import ClientDisconnected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Container

    from wasmgate._asgi import Message, Send
    from wasmgate._native import Effects
    from wasmgate.upstream import Fields

__all__ = ["CLIENT_TIMEOUT", "Cut", "Downstream", "answers"]

CLIENT_TIMEOUT = 60.0  # seconds between two signs of life of a client that is waited for


class Cut(Exception):
    """The response stays incomplete: the server has to cut the client's connection."""


class Downstream:
    """Sends a response, with what the server's `extensions` offer: trailers, and early hints."""

    __slots__ = (
        "_count",
        "_hints",
        "_seen",
        "_send",
        "_sending",
        "_trailers",
        "complete",
    )

    def __init__(self, send: Send, extensions: Container[str]) -> None:
        self._send = send
        self._trailers = "http.response.trailers" in extensions
        self._hints = "http.response.early_hint" in extensions
        self._sending = False
        self._count = 0  # messages that the server has taken
        self._seen = (0, 0.0)  # how many these were, and when that was another number
        self.complete = False
        """Whether the last part has been sent, or is being sent."""

    async def early_hints(self, links: list[bytes]) -> None:
        """Send 103 with the values of its `link` fields, if the server can (RFC 8297)."""
        if self._hints:
            await self._deliver({"type": "http.response.early_hint", "links": links})

    def head(self, status: int, headers: Fields) -> Awaitable[None]:
        """Send status and fields."""
        headers = dated(headers, self._send)
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        if self._trailers:
            start["trailers"] = True
        return self._deliver(start)

    def body(self, chunk: bytes, *, end: bool, trailers: Fields | None = None) -> Awaitable[None]:
        """Send a part of the body; with the last one the trailers."""
        self.complete = end
        message = {"type": "http.response.body", "body": chunk, "more_body": not end}
        if end and self._trailers:
            return self._last(message, trailers or [])
        return self._deliver(message)

    async def _last(self, message: Message, trailers: Fields) -> None:
        await self._deliver(message)
        await self._deliver({"type": "http.response.trailers", "headers": trailers})

    async def emit(self, effects: Effects) -> bool:
        """Send what effects let go on; True when that was the last of it. Raises Cut."""
        if effects.reset:
            raise Cut("the response cannot be completed")
        if effects.response_head is not None:
            await self.head(*effects.response_head)
        chunk, end = effects.response_body, effects.response_end
        if chunk or end:
            await self.body(chunk or b"", end=end, trailers=effects.response_trailers)
        return end

    async def _deliver(self, message: Message) -> None:
        self._sending = True
        try:
            await self._send(message)
        except OSError as error:
            # What servers raise when the client is gone (ASGI specification, HTTP, 2.4).
            raise ClientDisconnected from error
        self._count += 1
        self._sending = False

    def stalled(self, now: float) -> bool:
        """Tell whether the client has taken nothing for too long; called a few times a second.

        Under uvicorn its connection is closed then: an app that returns leaves it to the client to
        take what is written.
        """
        count, since = self._seen
        if not self._sending or count != self._count or not since:
            self._seen = self._count, now
            return False
        if now - since < CLIENT_TIMEOUT:
            return False
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if isinstance(transport, asyncio.Transport):
            transport.abort()
        return True


def answers(effects: Effects) -> bool:
    """Whether effects begin a response or cut it."""
    return effects.response_head is not None or effects.reset
