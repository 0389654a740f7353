"""One HTTP request and its response between an ASGI server, a stream and an ASGI app."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING

from wasmgate.messages import DISCONNECT, Count, part
from wasmgate.middleware import wrong_length
from wasmgate.middleware.app_response import AppResponse
from wasmgate.middleware.outgoing import Outgoing
from wasmgate.middleware.policy_timeout import LATE, PolicyTimeout
from wasmgate.middleware.request_body import RequestBody

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message, Receive, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.driver import Driver

__all__ = ["RequestCycle"]

_LOGGER = logging.getLogger("wasmgate.middleware")


class _Phase(Enum):
    OPEN = auto()  # the stream is open
    ANSWERED = auto()  # a response was sent whole, or was cut
    LEFT = auto()  # the client disconnected
    RETURNED = auto()  # the app returned without a response


_OPEN, _ANSWERED, _LEFT, _RETURNED = _Phase


class RequestCycle:
    """Passes messages through a stream, one at a time and in both directions.

    The app gets `receive` and `send` instead of the server's. Paused data is buffered in the
    stream, within the policy's limits. The stream ends with the response, before background tasks,
    or when the client disconnects, for which the cycle watches while a policy pauses. After
    `timeout` seconds of pauses the request is answered 504, or cut if the response has begun.
    """

    __slots__ = (
        "_driver",
        "_emitting",
        "_full",
        "_head_only",
        "_incoming",
        "_outgoing",
        "_phase",
        "_reading",
        "_receive",
        "_request",
        "_response",
        "_send",
        "_steps",
        "_stream",
        "_timeout",
        "_waits",
    )

    def __init__(
        self,
        stream: Stream,
        driver: Driver,
        receive: Receive,
        send: Send,
        timeout: float | None,
    ) -> None:
        self._stream = stream
        self._driver = driver
        self._receive = receive
        self._send = send
        self._timeout = timeout
        self._head_only = False
        self._phase = _OPEN
        self._full = (False, False)  # the buffers of request and response are full
        self._request: RequestBody | None = None
        self._response = AppResponse(stream)
        self._outgoing: Outgoing | None = None  # None: the response is forwarded unchanged
        self._incoming: asyncio.Future[Message] | None = None  # read while a policy pauses
        self._reading = False  # the app waits for the server
        # An app may receive and send in different tasks. How many wait for policies, how often one
        # applied effects, and the lock for effects with several messages:
        self._waits = 0
        self._steps = 0
        self._emitting: asyncio.Lock | None = None

    def expect_body(self) -> None:
        """Pass a request body through the stream, which follows the head."""
        self._request = RequestBody(follows=True)

    def keep_length(self, *, head_only: bool, measures: bool) -> None:
        """Keep the declared length of the response true.

        `head_only`: the method is HEAD. `measures`: a policy may change the body.
        """
        self._head_only = head_only
        if measures:
            self._response.count = Count()
        self._adapted()

    def _adapted(self) -> Outgoing:
        outgoing = Outgoing(self._send, self._response, head_only=self._head_only)
        self._outgoing = outgoing
        return outgoing

    def release(self) -> None:
        """End the exchange after the app has returned."""
        if self._phase is _OPEN:
            self._end(_RETURNED)
        if self._incoming is not None:
            self._incoming.cancel()

    def _end(self, phase: _Phase) -> None:
        """End the stream; a later call does not change the phase."""
        if self._phase is not _OPEN:
            return
        self._phase = phase
        effects = self._stream.close()
        if effects is not None:
            self._driver.apply(effects)
        if self._waits:
            self._driver.wake(self._stream.id)

    # The request.

    def begin(self, effects: Effects) -> None:
        """Apply the effects that forward the request's head."""
        self._note(effects)
        if self._request is not None:
            self._request.begin(effects)

    async def until_forwarded(self, effects: Effects) -> Effects | None:
        """Wait for the head; return the effects that forward it, or None if a policy answered."""
        while not effects.forward:
            await self._perform(effects)
            # The app does not run yet: no other task waits.
            following = None if self._phase is _ANSWERED else await self._going_on()
            if following is None:
                return None
            effects = following
        return effects

    @property
    def holds_request(self) -> bool:
        """Whether a part of the request body waits for the app."""
        return self._request is not None and self._request.next is not None

    async def first_part(self) -> tuple[bytes, bool, bool] | None:
        """Wait for the first part of the request body, and keep it for the app.

        Returns it, whether it is the last one and was changed; None: client gone, or answered.
        """
        message = await self._next()
        while message["type"] == "http.request" and message.get("more_body", False):
            if message.get("body", b""):
                break
            message = await self._next()
        request = self._request
        if message["type"] != "http.request" or request is None:
            return None
        request.give_back(message)
        return message.get("body", b""), not message.get("more_body", False), request.changed

    def announce(self, length: int | None) -> None:
        """Store the length of the body, in bytes, that the app's head declares."""
        if self._request is not None:
            self._request.announce(length)

    async def receive(self) -> Message:
        """Return the next message of the request that passed the policies, as ASGI's `receive`."""
        message = await self._next()
        request = self._request
        if request is not None and message["type"] == "http.request":
            misfit = request.misfit(message)
            if misfit is not None:
                await self._refuse(misfit)
                return DISCONNECT
        return message

    async def _next(self) -> Message:
        while True:
            request = self._request
            if request is not None and (message := request.take()) is not None:
                return message
            if self._disconnected:
                return DISCONNECT
            held = self._full[0] or (request is not None and request.held)
            if held and self._phase is _OPEN:
                await self._one_step()
                continue
            message = part(await self._read())
            if message["type"] != "http.request":
                if message["type"] == "http.disconnect":
                    self._end(_LEFT)
                return message
            if request is not None and request.given and not request.came:
                # A policy ended the request: later data of the client is discarded.
                request.came = not message.get("more_body", False)
                continue
            if request is None or request.given or self._phase is not _OPEN:
                return message
            effects = request.feed(self._stream, message)
            if effects is None:
                request.passed(message)
                return message
            await self._perform(effects)

    @property
    def _disconnected(self) -> bool:
        """Whether the app's request has ended, as it sees it: its response is not wanted."""
        phase = self._phase
        return phase is _LEFT or (phase is _ANSWERED and not self._response.done)

    async def _one_step(self) -> None:
        effects = await self._going_on()
        if effects is not None:
            await self._perform(effects)

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

    # The response.

    async def send(self, message: Message) -> None:
        """Pass a message of the app's response through the policies, as ASGI's `send`."""
        response, phase = self._response, self._phase
        if response.done or phase is _LEFT:
            await self._send(message)
            return
        if phase is _ANSWERED:
            return  # a policy answered
        effects = response.feed_usual(message)
        if effects is False:
            message, effects = response.feed(message)
        if effects is not None:
            await self._perform(effects)
            if response.done:
                await self._rest()
            elif self._full[1]:
                await self._until_room()
            return
        if self._emitting is not None and self._emitting.locked():
            async with self._emitting:
                await self._adapt(message)
        elif self._outgoing is None and response.fields is None:
            await self._send(message)
        else:
            await self._adapt(message)
        if response.done:
            self._end(_ANSWERED)

    async def _adapt(self, message: Message) -> None:
        """Forward an unchanged message with the length and body that its method needs."""
        outgoing = self._outgoing or self._adapted()
        match message["type"]:
            case "http.response.start":
                await outgoing.head(message)
            case "http.response.body":
                if not await outgoing.body(message):
                    self._cut_response()
            case "http.response.trailers":
                if self._response.done:
                    await outgoing.trailers(self._response.fields or [])
            case _:
                await self._send(message)

    async def _rest(self) -> None:
        """Wait for the paused rest of a response that has ended, and send it."""
        while self._phase is _OPEN:
            await self._one_step()

    async def _until_room(self) -> None:
        """Wait until the buffer of the response has room."""
        while self._full[1] and self._phase is _OPEN:
            await self._one_step()

    # Effects of the policies.

    def _note(self, effects: Effects) -> None:
        if effects.noteworthy:
            self._driver.apply(effects)
        self._full = (effects.request_full, effects.response_full)

    async def _perform(self, effects: Effects) -> None:
        self._note(effects)
        self._steps += 1
        if self._waits:
            self._driver.wake(self._stream.id)
        if effects.reset:
            # ASGI has no message to cut a connection: a server cuts it if the app stops half-way.
            self._end(_ANSWERED)
            await (self._outgoing or self._adapted()).flush()
            return
        if self._request is not None:
            self._request.keep(effects)
        head = effects.response_head is not None
        answer = head and not self._response.started
        if head or effects.response_body is not None or effects.response_end:
            await self._emit(effects)
        if answer:
            await self._rest()

    async def _emit(self, effects: Effects) -> None:
        """Send the effects' part of the response, before later parts of other tasks."""
        outgoing, response = self._outgoing or self._adapted(), self._response
        if self._emitting is None:
            self._emitting = asyncio.Lock()
        came = response.chunk
        async with self._emitting:
            fits = await outgoing.emit(effects, came=came, trailers=response.trailing)
            if not fits:
                self._cut_response()
            elif effects.response_end:
                await outgoing.trailers(effects.response_trailers or [])
                self._end(_ANSWERED)

    async def _going_on(self) -> Effects | None:
        """Wait until the stream continues; return the effects.

        None: the client left, the exchange was cut, or another task has them.
        """
        timeout = PolicyTimeout(self._driver, self._stream, self._timeout)
        self._waits += 1
        steps = self._steps
        try:
            while self._phase is _OPEN and steps == self._steps:
                # With a full buffer nothing is read, although a disconnect is then not noticed.
                if self._incoming is None and not (self._reading or self._full[0]):
                    self._incoming = asyncio.ensure_future(self._receive())
                effects = await self._driver.wait_or(self._stream, self._incoming)
                if effects is None and timeout.over:
                    _LOGGER.warning("policies made a request wait for %g s", self._timeout)
                    return await self._answer(*LATE)
                if effects is None and self._incoming is not None and self._incoming.done():
                    effects = self._look_at(self._incoming.result())
                    if self._incoming is None:
                        timeout.restart()
                if effects is not None:
                    return effects
        finally:
            self._waits -= 1
            timeout.cancel()
        return None

    def _look_at(self, message: Message) -> Effects | None:
        """Feed a message of the server that came while a policy paused, unless the app reads it."""
        message = part(message)
        if message["type"] == "http.disconnect":
            self._incoming = None
            self._end(_LEFT)
            return None
        if self._response.started or message["type"] != "http.request":
            return None
        self._incoming = None
        if self._request is None:
            self._request = RequestBody(follows=False)
        self._request.replaced = True
        return None if self._request.came else self._request.feed(self._stream, message)

    async def _answer(self, status: int, headers: Fields, body: bytes) -> Effects | None:
        """Answer so that no policy can hold it back, or cut a response that has begun."""
        effects = self._stream.overrule(status, headers, body)
        outgoing = self._outgoing or self._adapted()
        if effects is not None and not (effects.reset and not outgoing.begun):
            return effects
        # The policies have let another head through that was not sent yet.
        self._end(_ANSWERED)
        if not outgoing.begun:
            await outgoing.answer(status, headers, body)
        return None

    async def _refuse(self, misfit: Count) -> None:
        """Answer 500, or cut, because the body does not have its declared length."""
        wrong_length.log_request(misfit)
        effects = await self._answer(*wrong_length.ANSWER)
        if effects is not None:
            await self._perform(effects)

    def _cut_response(self) -> None:
        wrong_length.log_response(self._outgoing)
        self._end(_ANSWERED)
