"""The client's side of one request: what goes on to the ASGI server, and in which messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._asgi import Send
    from wasmgate._native import Effects
    from wasmgate.upstream import Fields

__all__ = ["Cut", "Downstream"]


class Cut(Exception):
    """The response stays incomplete: the server has to cut the client's connection."""


class Downstream:
    """Sends a response. Trailers are left out: few ASGI servers know them (RFC 9110 §6.5.1)."""

    __slots__ = ("_send", "complete")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.complete = False
        """Whether the last part has been sent, or is being sent."""

    async def head(self, status: int, headers: Fields) -> None:
        """Send status and fields."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, chunk: bytes, *, end: bool) -> None:
        """Send a part of the body."""
        self.complete = end
        await self._send({"type": "http.response.body", "body": chunk, "more_body": not end})

    async def emit(self, effects: Effects) -> bool:
        """Send what effects let go on; True when that was the last of it. Raises Cut."""
        if effects.reset:
            raise Cut("the response cannot be completed")
        if effects.response_head is not None:
            await self.head(*effects.response_head)
        chunk, end = effects.response_body, effects.response_end
        if chunk or end:
            await self.body(chunk or b"", end=end)
        return end
