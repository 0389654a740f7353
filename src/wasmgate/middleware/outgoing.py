"""Sends the response of one HTTP exchange to the ASGI server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.messages import measured
from wasmgate.scope import declared

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message, Send
    from wasmgate._native import Effects
    from wasmgate.middleware.app_response import AppResponse

__all__ = ["Outgoing"]

_BODILESS = {204, 304}


class Outgoing:
    """Sends head, body and trailers, and keeps the declared length true.

    Used for a response that policies changed, or whose length `response` counts because a policy
    may change its body. Then a head with a length waits for the first bytes of the body, as servers
    may do, too (ASGI, "Response Start"); if the body was changed, the length is replaced or
    removed. `head_only`: the method is HEAD.
    """

    __slots__ = ("_announced", "_begun", "_body_done", "_count", "_head_only", "_held", "_send")

    def __init__(self, send: Send, response: AppResponse, *, head_only: bool) -> None:
        self._send = send
        self._head_only = head_only
        self._held: Message | None = None
        self._count = response.count
        # The head was sent; the last part of the body was sent; the head declares trailers.
        self._begun = response.head_unchanged
        self._body_done = response.body_unchanged
        self._announced = self._begun and response.trailing

    def __repr__(self) -> str:
        return repr(self._count)

    @property
    def begun(self) -> bool:
        """Whether the head was sent."""
        return self._begun

    async def answer(self, status: int, headers: Fields, body: bytes) -> None:
        """Send a whole response instead of a waiting head."""
        fields = [*headers, (b"content-length", b"%d" % len(body))]
        await self._start({"type": "http.response.start", "status": status, "headers": fields})
        shown = b"" if self._head_only else body
        await self._send({"type": "http.response.body", "body": shown})

    async def other(self, message: Message) -> None:
        """Send a message of an extension."""
        await self._send(message)

    async def head(self, start: Message) -> None:
        """Send the head, or keep it until the first bytes of the body."""
        count = self._count
        if count is not None and not self._bodiless(start["status"]):
            length = declared(start.get("headers", ()))
            if length is not None:
                count.expected = length
                self._held = start
                return
        await self._start(start)

    async def body(self, message: Message) -> bool:
        """Send a part of the body, which a policy may have changed.

        Returns False, and sends nothing, if the body does not have its declared length.
        """
        body, end = message.get("body", b""), not message.get("more_body", False)
        count = self._count
        if count is not None:
            count.compare(body, body)
        start = self._held
        if start is not None:
            if not (body or end):
                return True
            if count is not None and count.changed:
                whole = end and not start.get("trailers", False)
                headers = measured(list(start.get("headers", ())), body, end=whole)
                start = {**start, "headers": headers}
                count.expected = None
            await self.flush(start)
        if count is not None and not count.fits(body, end=end):
            return False
        self._body_done = end
        if self._head_only and body:
            message = {
                **message,
                "body": b"",
            }  # some servers would send the body (RFC 9110 section 9.3.2)
        await self._send(message)
        return True

    async def flush(self, start: Message | None = None) -> None:
        """Send a waiting head, or another one in its place."""
        held, self._held = self._held, None
        if held is not None:
            await self._start(start or held)

    async def emit(self, effects: Effects, *, came: bytes | None, trailers: bool) -> bool:
        """Send the effects' part of the response; False if the declared length would be wrong.

        `came` is the part of the body that the app sent in this step; `trailers`: the app's head
        declares trailers.
        """
        body, end = effects.response_body, effects.response_end
        if effects.response_head is not None:
            status, headers = effects.response_head
            bodiless = status in _BODILESS or (self._head_only and not body)
            if (end or body is not None) and not bodiless:
                headers = measured(headers, body or b"", end=end)
            start: Message = {"type": "http.response.start", "status": status, "headers": headers}
            if trailers and (not end or effects.response_trailers is not None):
                start["trailers"] = True
            await self.head(start)
        if body is not None or (end and not self._body_done):
            part: Message = {
                "type": "http.response.body",
                "body": body or b"",
                "more_body": not end,
            }
            if self._count is not None:
                self._count.compare(body or b"", came)
            return await self.body(part)
        return True

    async def trailers(self, fields: Fields) -> None:
        """Send the trailers, if the head declares them."""
        await self.flush()
        if self._announced:
            await self._send({"type": "http.response.trailers", "headers": fields})

    async def _start(self, start: Message) -> None:
        self._begun = True
        self._announced = start.get("trailers", False)
        await self._send(start)

    def _bodiless(self, status: int) -> bool:
        return self._head_only or status in _BODILESS
