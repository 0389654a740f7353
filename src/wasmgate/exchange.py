"""One HTTP request and its response between an ASGI server, a stream and an ASGI app."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from wasmgate._asgi import problem
from wasmgate.app_response import AppResponse
from wasmgate.messages import DISCONNECT, Count, part
from wasmgate.outgoing import Outgoing
from wasmgate.patience import LATE, Patience

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message, Receive, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.driver import Drivers

__all__ = ["Exchange"]

_LOGGER = logging.getLogger("wasmgate.middleware")
_WRONG_LENGTH = problem(
    500,
    "Internal Server Error",
    "a policy changed the length of the body after it was announced",
)


class Exchange:
    """Moves messages through a stream, one at a time and in both directions.

    `receive` and `send` are what the app gets in place of the server's. What a policy holds back
    stays in the stream, within its limits; nothing else is buffered. The stream ends with the
    response, so before background tasks, or when the client goes: while a policy makes anybody
    wait, the exchange watches for that. A policy that alone makes them wait for `timeout` seconds
    is answered for: 504, or a cut once the response has begun.
    """

    __slots__ = (
        "_chunk",
        "_closed",
        "_drivers",
        "_full",
        "_given",
        "_gone",
        "_incoming",
        "_late",
        "_let_go",
        "_outgoing",
        "_reading",
        "_receive",
        "_request_done",
        "_request_given",
        "_response",
        "_response_done",
        "_stream",
        "_taken",
        "_timeout",
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
        measures: bool,
        timeout: float | None,
    ) -> None:
        self._stream = stream
        self._drivers = drivers
        self._receive = receive
        self._response = AppResponse(stream)
        self._outgoing = Outgoing(
            send, self._response.count, head_only=head_only, measures=measures
        )
        self._timeout = timeout
        self._late = False  # that time has passed
        self._full = (False, False)  # policies hold as much of request and response as they may
        self._request_done = not body_follows  # all of it came from the server
        self._request_given = not body_follows  # all of it went to the app
        self._let_go = Count()  # of the request by policies
        self._given: Count | None = None  # what went to the app, against what it was told
        self._taken = False  # a message of the server's was taken while the head was held
        self._waiting: Message | None = None  # what policies let go and the app has not asked for
        self._incoming: asyncio.Future[Message] | None = None  # asked for while somebody waited
        self._reading = False  # the app waits for the server
        self._chunk: bytes | None = None  # the part of the request that came last
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

    @property
    def holds_request(self) -> bool:
        """Whether a part of the request that policies let go waits for the app."""
        return self._waiting is not None

    async def first_part(self) -> tuple[bytes, bool, bool] | None:
        """Wait for the first part of the request that goes on; the app is given it later.

        Returns it, whether it is the last one, and whether policies changed it; None when the
        client left or a policy answered.
        """
        message = await self._next()
        while message["type"] == "http.request" and message.get("more_body", False):
            if message.get("body", b""):
                break
            message = await self._next()
        if message["type"] != "http.request":
            return None
        self._waiting, self._request_given = message, False
        return message.get("body", b""), not message.get("more_body", False), self._let_go.changed

    def announce(self, length: int | None) -> None:
        """Note the length of the body that the app was told."""
        self._given = None if length is None else Count()
        if self._given is not None:
            self._given.expected = length

    async def receive(self) -> Message:
        """Return the next part of the request as policies let it through."""
        message = await self._next()
        given = self._given
        if given is not None and message["type"] == "http.request":
            body, end = message.get("body", b""), not message.get("more_body", False)
            given.changed = self._let_go.changed
            if not given.fits(body, end=end):
                await self._refuse(given)
                return DISCONNECT
        return message

    async def _next(self) -> Message:
        while True:
            if self._waiting is not None:
                message, self._waiting = self._waiting, None
                self._request_given = not message.get("more_body", False)
                return message
            if self._gone or (self._response_done and not self._response.done):
                return DISCONNECT
            waits = self._full[0] or (self._request_done and not self._request_given)
            if waits and not self._closed:
                await self._one_step()
                continue
            message = part(await self._read())
            if message["type"] != "http.request":
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
                self._let_go.compare(message["body"], message["body"])
                self._let_go.passed += len(message["body"])
                self._request_given = self._request_done
                return message
            await self._perform(effects)

    async def _one_step(self) -> None:
        effects = await self._going_on()
        if effects is not None:
            await self._perform(effects)

    async def send(self, message: Message) -> None:
        """Send the next part of the app's response as policies let it through."""
        if self._response.done or self._gone:
            await self._outgoing.other(message)
            return
        if self._response_done:
            return  # a policy answered
        message, effects = self._response.feed(message)
        if effects is None:
            await self._pass(message)
            return
        await self._perform(effects)
        if self._response.done:
            await self._rest()
        elif self._full[1]:
            await self._until_room()

    async def _pass(self, message: Message) -> None:
        """Send on what policies left as it is."""
        match message["type"]:
            case "http.response.start":
                await self._outgoing.head(message)
            case "http.response.body":
                if not await self._outgoing.body(message):
                    self._cut_response()
            case "http.response.trailers":
                if self._response.done:
                    await self._outgoing.trailers(self._response.fields)
            case _:
                await self._outgoing.other(message)
        if self._response.done and not self._response_done:
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
        self._chunk = message["body"]
        self._let_go.came += len(message["body"])
        return self._stream.on_request_body(self._chunk, self._request_done)

    async def _going_on(self) -> Effects | None:
        """Wait until the stream goes on, and return how; None: the client left, or it is cut."""
        driver = self._drivers.current()
        patience = Patience(asyncio.get_running_loop(), driver, self._stream, self._timeout)
        try:
            while not self._closed:
                # What a policy has no room for is not read, though the client may leave.
                if self._incoming is None and not (self._reading or self._full[0]):
                    self._incoming = asyncio.ensure_future(self._receive())
                effects = await driver.wait_or(self._stream, self._incoming)
                if effects is None and patience.over:
                    effects = await self._out_of_patience(patience)
                elif effects is None and self._incoming is not None and self._incoming.done():
                    effects = self._look_at(self._incoming.result())
                    if self._incoming is None:
                        patience.restart()
                if effects is not None:
                    return effects
        finally:
            patience.end()
        return None

    async def _out_of_patience(self, patience: Patience) -> Effects | None:
        _LOGGER.warning("policies made a request wait for %g s", self._timeout)
        if self._late:
            await self._answer_alone(*LATE)  # they hold back this answer, too
            return None
        self._late = True
        patience.restart()
        return await self._answer(*LATE)

    def _look_at(self, message: Message) -> Effects | None:
        """Take what came from the server meanwhile, unless it is for the app."""
        message = part(message)
        if message["type"] == "http.disconnect":
            self._incoming = None
            self._leave()
            return None
        if self._response.started or message["type"] != "http.request":
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
            await self._outgoing.flush()
            self.close()
            return
        self._keep(effects)
        response = self._response
        answer = effects.response_head is not None and not response.started
        fits = await self._outgoing.emit(effects, came=response.chunk, trailers=response.trailing)
        if not fits:
            self._cut_response()
        elif effects.response_end:
            await self._outgoing.trailers(effects.response_trailers or [])
            self._finish()
        if answer:
            await self._rest()

    def _keep(self, effects: Effects) -> None:
        body = effects.request_body
        if body is None and not effects.request_end:
            return
        self._let_go.compare(body or b"", self._chunk)
        self._let_go.passed += len(body or b"")
        if self._waiting is not None:
            body = self._waiting.get("body", b"") + (body or b"")
        self._waiting = {
            "type": "http.request",
            "body": body or b"",
            "more_body": not effects.request_end,
        }

    async def _refuse(self, given: Count) -> None:
        """Answer 500 instead of going on with a body whose length was announced otherwise."""
        _LOGGER.error(
            "a policy changed the length of the request's body after it was announced: %r; "
            "a policy that changes bodies removes content-length in its callback for headers, or "
            "holds the body back until its end",
            given,
        )
        effects = await self._answer(*_WRONG_LENGTH)
        if effects is not None:
            await self._perform(effects)

    def _cut_response(self) -> None:
        _LOGGER.error(
            "a policy changed the length of the response's body after it was announced: %r; the "
            "response is cut",
            self._outgoing,
        )
        self._response_done = True
        self.close()

    async def _answer(self, status: int, headers: Fields, body: bytes) -> Effects | None:
        """Answer through the policies that saw the request, or alone if they cannot be asked."""
        effects = self._stream.respond(status, headers, body)
        if effects is None or (effects.reset and not self._outgoing.begun):
            await self._answer_alone(status, headers, body)
            return None
        return effects

    async def _answer_alone(self, status: int, headers: Fields, body: bytes) -> None:
        """Answer without the policies, or cut what has begun."""
        self._response_done = True
        self.close()
        if not self._outgoing.begun:
            await self._outgoing.answer(status, headers, body)

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

    def _finish(self) -> None:
        self._response_done = True
        self.close()

    def _leave(self) -> None:
        self._gone = True
        self.close()
