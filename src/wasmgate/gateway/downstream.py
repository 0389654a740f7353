"""The client's side of one request: what goes on to the ASGI server, and in which messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._asgi import Message, Send
    from wasmgate._native import Effects
    from wasmgate.upstream import Fields

__all__ = ["Cut", "Downstream", "answers"]


class Cut(Exception):
    """The response stays incomplete: the server has to cut the client's connection."""


class Downstream:
    """Sends a response, with trailers if the server takes them (ASGI `http.response.trailers`)."""

    __slots__ = ("_send", "_trailers", "complete")

    def __init__(self, send: Send, *, trailers: bool) -> None:
        self._send = send
        self._trailers = trailers
        self.complete = False
        """Whether the last part has been sent, or is being sent."""

    async def head(self, status: int, headers: Fields) -> None:
        """Send status and fields."""
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        if self._trailers:
            start["trailers"] = True
        await self._send(start)

    async def body(self, chunk: bytes, *, end: bool, trailers: Fields | None = None) -> None:
        """Send a part of the body; with the last one the trailers."""
        self.complete = end
        await self._send({"type": "http.response.body", "body": chunk, "more_body": not end})
        if end and self._trailers:
            await self._send({"type": "http.response.trailers", "headers": trailers or []})

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


def answers(effects: Effects) -> bool:
    """Whether effects begin a response or cut it."""
    return effects.response_head is not None or effects.reset
