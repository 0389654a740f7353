"""One HTTP request and its response between an ASGI server, a stream and an ASGI app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate._asgi import measured

if TYPE_CHECKING:
    from wasmgate._asgi import Message, Receive, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.driver import Drivers

__all__ = ["Exchange"]

_DISCONNECT: Message = {"type": "http.disconnect"}


class Exchange:
    """Moves messages through a stream, one at a time and in both directions.

    `receive` and `send` are what the app gets in place of the server's. What a policy holds back
    stays in the stream, within its limits; nothing else is buffered. The stream ends with the
    response, so before background tasks, or when the client goes: while a policy makes anybody
    wait, the exchange watches for that.
    """

    __slots__ = (
        "_announced",
        "_app_done",
        "_body_done",
        "_closed",
        "_drivers",
        "_full",
        "_gone",
        "_head_only",
        "_incoming",
        "_reading",
        "_receive",
        "_request_done",
        "_request_given",
        "_response_done",
        "_send",
        "_started",
        "_stream",
        "_taken",
        "_trailers",
        "_waiting",
    )

    def __init__(
        self,
        stream: Stream,
        drivers: Drivers,
        receive: Receive,
        send: Send,
        *,
        body_follows: bool,
        head_only: bool,
    ) -> None:
        self._stream = stream
        self._drivers = drivers
        self._receive = receive
        self._send = send
        self._head_only = head_only  # the method is HEAD
        self._full = (False, False)  # policies hold as much of request and response as they may
        self._request_done = not body_follows  # all of it came from the server
        self._request_given = not body_follows  # all of it went to the app
        self._taken = False  # a message of the server's was taken while the head was held
        self._waiting: Message | None = None  # what policies let go and the app has not asked for
        self._incoming: asyncio.Future[Message] | None = None  # asked for while somebody waited
        self._reading = False  # the app waits for the server
        self._started = False  # the app's response came
        self._trailers = False  # the app announced some
        self._announced = False  # the server knows of them
        self._app_done = False
        self._body_done = False  # the body's last message went to the server; trailers may follow
        self._response_done = False  # all of a response went to the server, or it is cut
        self._gone = False  # the client
        self._closed = False

    def release(self) -> None:
        """End what is left when the app has returned."""
        self.close()
        if self._incoming is not None:
            self._incoming.cancel()

    def close(self) -> None:
        """End the stream; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        effects = self._stream.close()
        driver = self._drivers.current()
        if effects is not None:
            driver.note(effects)
        driver.wake(self._stream.id)

    def begin(self, effects: Effects) -> None:
        """Take the effects that let the request's head go on."""
        self._note(effects)
        if self._taken or not self._request_given:
            self._request_given = False
            self._keep(effects)

    async def until_forwarded(self, effects: Effects) -> Effects | None:
        """Return the effects that let the head go on, or None when a policy answered."""
        while not effects.forward:
            await self._perform(effects)
            following = None if self._response_done else await self._going_on()
            if following is None:
                return None
            effects = following
        return effects

    async def receive(self) -> Message:
        """Return the next part of the request as policies let it through."""
        while True:
            if self._waiting is not None:
                message, self._waiting = self._waiting, None
                self._request_given = not message["more_body"]
                return message
            if self._gone or (self._response_done and not self._app_done):
                return _DISCONNECT
            waits = self._full[0] or (self._request_done and not self._request_given)
            if waits and not self._closed:
                held = await self._going_on()
                if held is not None:
                    await self._perform(held)
                continue
            message = await self._read()
            if message["type"] == "http.disconnect":
                self._leave()
                return message
            if self._request_given and not self._request_done:
                # A policy ended the request: the rest of what the client sends is dropped.
                self._request_done = not message.get("more_body", False)
                continue
            if self._request_given or self._closed:
                return message
            effects = self._feed(message)
            if effects is None:
                self._request_given = self._request_done
                return message
            await self._perform(effects)

    async def send(self, message: Message) -> None:
        """Send the next part of the app's response as policies let it through."""
        if self._app_done or self._gone:
            await self._send(message)
            return
        if self._response_done:
            return  # a policy answered
        effects = self._fed(message)
        if effects is not None:
            await self._perform(effects)
            if self._app_done:
                await self._rest()
            elif self._full[1]:
                await self._until_room()
            return
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._body_done = True
        if self._app_done:
            self._finish()

    async def _read(self) -> Message:
        self._reading = True
        try:
            if self._incoming is None:
                return await self._receive()
            # An app that gives up waiting must not take the message with it.
            message = await asyncio.shield(self._incoming)
            self._incoming = None
            return message
        finally:
            self._reading = False

    def _feed(self, message: Message) -> Effects | None:
        self._request_done = not message.get("more_body", False)
        return self._stream.on_request_body(message.get("body", b""), self._request_done)

    def _fed(self, message: Message) -> Effects | None:
        """Feed a part of the response to the stream."""
        match message["type"]:
            case "http.response.start":
                self._started = True
                self._trailers = self._announced = message.get("trailers", False)
                headers = message.get("headers", ())
                return self._stream.on_response_headers(message["status"], headers, end=False)
            case "http.response.body":
                last = not message.get("more_body", False)
                self._app_done = last and not self._trailers
                return self._stream.on_response_body(message.get("body", b""), self._app_done)
            case "http.response.trailers":
                self._app_done = not message.get("more_trailers", False)
                return self._stream.on_response_trailers(message.get("headers", ()))
        return None

    async def _going_on(self) -> Effects | None:
        """Wait until the stream goes on, and return how; None: the client left."""
        driver = self._drivers.current()
        while not self._closed:
            # What a policy has no room for is not read, though it may be that the client leaves.
            if self._incoming is None and not (self._reading or self._full[0]):
                self._incoming = asyncio.ensure_future(self._receive())
            effects = await driver.wait_or(self._stream, self._incoming)
            if effects is None and self._incoming is not None and self._incoming.done():
                effects = self._look_at(self._incoming.result())
            if effects is not None:
                return effects
        return None

    def _look_at(self, message: Message) -> Effects | None:
        """Take what came from the server meanwhile, unless it is for the app."""
        if message["type"] == "http.disconnect":
            self._incoming = None
            self._leave()
            return None
        if self._started:
            return None
        self._incoming = None
        self._taken = True
        return None if self._request_done else self._feed(message)

    def _note(self, effects: Effects) -> None:
        if effects.noteworthy:
            self._drivers.current().note(effects)
        self._full = (effects.request_full, effects.response_full)

    async def _perform(self, effects: Effects) -> None:
        self._note(effects)
        if effects.reset:
            # ASGI has no message for it: a server cuts a connection whose app stops half-way.
            self._response_done = True
            self.close()
            return
        self._keep(effects)
        answer = effects.response_head is not None and not self._started
        await self._emit(effects)
        if answer:
            await self._rest()

    def _keep(self, effects: Effects) -> None:
        body = effects.request_body
        if body is None and not effects.request_end:
            return
        if self._waiting is not None:
            body = self._waiting["body"] + (body or b"")
        self._waiting = {
            "type": "http.request",
            "body": body or b"",
            "more_body": not effects.request_end,
        }

    async def _rest(self) -> None:
        """Send what policies still hold back of a response that has ended."""
        while not self._response_done:
            effects = await self._going_on()
            if effects is None:
                return
            await self._perform(effects)

    async def _until_room(self) -> None:
        """Let the app wait until policies take more of its response."""
        while self._full[1] and not self._response_done:
            effects = await self._going_on()
            if effects is None:
                return
            await self._perform(effects)

    async def _emit(self, effects: Effects) -> None:
        body, end = effects.response_body, effects.response_end
        if effects.response_head is not None:
            status, headers = effects.response_head
            bodiless = status in {204, 304} or (self._head_only and not body)
            if (end or body is not None) and not bodiless:
                headers = measured(headers, body or b"", end=end)
            start: Message = {"type": "http.response.start", "status": status, "headers": headers}
            self._announced = self._trailers and (not end or effects.response_trailers is not None)
            if self._announced:
                start["trailers"] = True
            await self._send(start)
        if body is not None or (end and not self._body_done):
            await self._send(
                {"type": "http.response.body", "body": body or b"", "more_body": not end}
            )
        if end:
            if self._announced:
                trailers = effects.response_trailers or []
                await self._send({"type": "http.response.trailers", "headers": trailers})
            self._finish()

    def _finish(self) -> None:
        self._response_done = True
        self.close()

    def _leave(self) -> None:
        self._gone = True
        self.close()
