"""One HTTP request and its response between an ASGI server, a stream and an ASGI app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._asgi import Message, Receive, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.driver import Driver, Drivers

__all__ = ["Exchange"]

_DISCONNECT: Message = {"type": "http.disconnect"}


class Exchange:
    """Moves messages through a stream, one at a time and in both directions.

    `receive` and `send` are what the app gets in place of the server's. What a policy holds back
    stays in the stream, within its limits; nothing else is buffered. The stream ends with the
    response, so before background tasks, or when the client goes.
    """

    __slots__ = (
        "_answered",
        "_closed",
        "_drivers",
        "_incoming",
        "_receive",
        "_request_done",
        "_response_done",
        "_send",
        "_stream",
        "_waiting",
    )

    def __init__(
        self, stream: Stream, drivers: Drivers, receive: Receive, send: Send, *, body_follows: bool
    ) -> None:
        self._stream = stream
        self._drivers = drivers
        self._receive = receive
        self._send = send
        self._request_done = not body_follows
        self._response_done = False
        self._answered = False  # by a policy: what the app sends goes nowhere
        self._closed = False
        self._incoming: asyncio.Future[Message] | None = None  # asked for while the head was held
        self._waiting: Message | None = None  # body that a policy let go together with the head

    def close(self) -> None:
        """End the stream; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._incoming is not None:
            self._incoming.cancel()
        effects = self._stream.close()
        if effects is not None:
            self._drivers.current().note(effects)

    def begin(self, effects: Effects) -> None:
        """Take the effects that let the request's head go on."""
        if effects.noteworthy:
            self._drivers.current().note(effects)
        self._waiting = _request_body(effects)

    async def until_forwarded(self, effects: Effects) -> Effects | None:
        """Return the effects that let the head go on, or None when a policy answered."""
        driver = self._drivers.current()
        while not effects.forward:
            driver.note(effects)
            if await self._locally(driver, effects):
                return None
            following = await self._held(driver)
            if following is None:
                return None
            effects = following
        return effects

    async def _held(self, driver: Driver) -> Effects | None:
        """Wait while the head is held, for the policy and for the client; None: the client left."""
        while (effects := self._stream.resume()) is None:
            if self._incoming is None:
                self._incoming = asyncio.ensure_future(self._receive())
            waiter = driver.waiter(self._stream.id)
            try:
                await asyncio.wait((waiter, self._incoming), return_when="FIRST_COMPLETED")
            finally:
                driver.forget(self._stream.id)
            if not self._incoming.done():
                continue
            message, self._incoming = self._incoming.result(), None
            if message["type"] == "http.disconnect":
                self.close()
                return None
            effects = self._feed(message)
            if effects is not None:
                break
        return effects

    def _feed(self, message: Message) -> Effects | None:
        self._request_done = not message.get("more_body", False)
        return self._stream.on_request_body(message.get("body", b""), self._request_done)

    async def receive(self) -> Message:
        """Return the next part of the request as policies let it through."""
        if self._waiting is not None:
            message, self._waiting = self._waiting, None
            return message
        while not self._answered:
            if self._incoming is not None:
                message, self._incoming = await self._incoming, None
            else:
                message = await self._receive()
            if message["type"] == "http.disconnect":
                self.close()
                return message
            if self._request_done or self._closed:
                return message
            effects = self._feed(message)
            if effects is None:
                return message
            passed = await self._passed(effects)
            if passed is not None:
                return passed
        return _DISCONNECT

    async def _passed(self, effects: Effects) -> Message | None:
        """Return what goes on; None when more must come first, or a policy answered."""
        driver = self._drivers.current()
        driver.note(effects)
        while not await self._locally(driver, effects):
            message = _request_body(effects)
            if message is not None or not self._request_done:
                return message
            effects = await driver.wait(self._stream)
            driver.note(effects)
        return None

    async def _locally(self, driver: Driver, effects: Effects) -> bool:
        """Send a policy's own response; True when there is one, or the connection is to be cut."""
        if effects.reset:
            self._answered = True
        elif effects.response_head is not None:
            self._answered = True
            await self._emit(effects)
            await self._rest(driver)
        return self._answered

    async def send(self, message: Message) -> None:
        """Send the next part of the app's response as policies let it through."""
        if self._answered:
            return
        if self._closed:
            await self._send(message)
            return
        effects, last = self._fed(message)
        if effects is None:
            await self._send(message)
            if last:
                self._finish()
            return
        driver = self._drivers.current()
        driver.note(effects)
        if effects.reset:
            # ASGI has no message for it: a server cuts a connection whose app stops half-way.
            self._answered = True
            self.close()
            return
        await self._emit(effects, trailers=message.get("trailers", False))
        if self._response_done:
            self._answered = not last
        elif last:
            await self._rest(driver)

    def _fed(self, message: Message) -> tuple[Effects | None, bool]:
        """Feed a part of the response to the stream; True with the last one."""
        match message["type"]:
            case "http.response.start":
                headers = message.get("headers", ())
                return self._stream.on_response_headers(
                    message["status"], headers, end=False
                ), False
            case "http.response.body":
                last = not message.get("more_body", False)
                return self._stream.on_response_body(message.get("body", b""), last), last
            case "http.response.trailers":
                last = not message.get("more_trailers", False)
                return self._stream.on_response_trailers(message.get("headers", ())), last
        return None, False

    async def _rest(self, driver: Driver) -> None:
        """Send what a policy still holds back of a response that has ended."""
        while not self._response_done:
            effects = await driver.wait(self._stream)
            driver.note(effects)
            if effects.reset:
                self._answered = True
                self.close()
                return
            await self._emit(effects)

    async def _emit(self, effects: Effects, *, trailers: bool = False) -> None:
        if effects.response_head is not None:
            status, headers = effects.response_head
            if effects.response_end:
                _complete(status, headers, effects.response_body or b"")
            start: Message = {"type": "http.response.start", "status": status, "headers": headers}
            if trailers:
                start["trailers"] = True
            await self._send(start)
        end = effects.response_end and effects.response_trailers is None
        if effects.response_body is not None or end:
            body = effects.response_body or b""
            await self._send({"type": "http.response.body", "body": body, "more_body": not end})
        if effects.response_trailers is not None:
            fields = effects.response_trailers
            await self._send({"type": "http.response.trailers", "headers": fields})
        if effects.response_end:
            self._finish()

    def _finish(self) -> None:
        self._response_done = True
        self.close()


def _request_body(effects: Effects) -> Message | None:
    body = effects.request_body
    if body is None and not effects.request_end:
        return None
    return {"type": "http.request", "body": body or b"", "more_body": not effects.request_end}


def _complete(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Add the length of a response that is there as a whole (RFC 9110 section 8.6)."""
    bodiless = status in {204, 304}
    if not bodiless and all(name != b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"%d" % len(body)))
