"""The handshake of a WebSocket connection: its request head passes the policies."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from wasmgate.messages import kind_of
from wasmgate.middleware.policy_timeout import LATE, PolicyTimeout

if TYPE_CHECKING:
    from wasmgate._asgi import Message, Receive, Scope, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.driver import Driver

__all__ = ["Handshake"]

_LOGGER = logging.getLogger("wasmgate.middleware")
_EXTENSION = "websocket.http.response"


class Handshake:
    """One connection between an ASGI server and a stream.

    The app gets `receive` instead of the server's. The stream ends with the connection.
    """

    __slots__ = ("_driver", "_incoming", "_receive", "_send", "_stream", "_timeout", "_waiting")

    def __init__(
        self,
        stream: Stream,
        driver: Driver,
        receive: Receive,
        send: Send,
        *,
        timeout: float | None,
    ) -> None:
        self._stream = stream
        self._driver = driver
        self._receive = receive
        self._send = send
        self._timeout = timeout
        self._waiting: Message | None = None  # websocket.connect, read while a policy paused
        self._incoming: asyncio.Future[Message] | None = None

    def release(self) -> None:
        """End the stream."""
        if self._incoming is not None:
            self._incoming.cancel()
        effects = self._stream.close()
        if effects is not None:
            self._driver.apply(effects)

    async def receive(self) -> Message:
        """Return the next message of the server, as ASGI's `receive`."""
        if self._waiting is not None:
            message, self._waiting = self._waiting, None
            return message
        if self._incoming is None:
            return await self._receive()
        message = await asyncio.shield(self._incoming)
        self._incoming = None
        return message

    async def until_forwarded(self, scope: Scope, effects: Effects) -> Effects | None:
        """Wait for the head; return the effects that forward it, or None if a policy answered."""
        self._driver.apply(effects)
        while not effects.forward:
            if effects.reset or effects.response_head is not None:
                await self._deny(effects, known=_EXTENSION in (scope.get("extensions") or {}))
                return None
            following = await self._going_on()
            if following is None:
                return None
            effects = following
        return effects

    async def _going_on(self) -> Effects | None:
        """Wait until the stream continues, and return the effects; None: the client left."""
        driver = self._driver
        timeout = PolicyTimeout(driver, self._stream, self._timeout)
        try:
            while True:
                if self._incoming is None:
                    self._incoming = asyncio.ensure_future(self._receive())
                effects = await driver.wait_or(self._stream, self._incoming)
                if effects is None and timeout.over:
                    _LOGGER.warning("policies made a handshake wait for %g s", self._timeout)
                    effects = self._stream.overrule(*LATE)
                    if effects is None:  # another response has begun
                        await self._close()
                        return None
                if effects is not None:
                    driver.apply(effects)
                    return effects
                if self._incoming.done():
                    message = self._incoming.result()
                    if kind_of(message) == "websocket.disconnect":
                        return None
                    if self._waiting is None:
                        self._waiting, self._incoming = message, None
        finally:
            timeout.cancel()

    async def _deny(self, effects: Effects, *, known: bool) -> None:
        """Send a policy's response, or a plain 403 if the server cannot send another one."""
        if effects.response_head is None or not known:
            await self._close()
            return
        if self._waiting is None:
            await self.receive()  # websocket.connect
        status, headers = effects.response_head
        await self._send({"type": f"{_EXTENSION}.start", "status": status, "headers": headers})
        following: Effects | None = effects
        while following is not None:
            more = not following.response_end
            body = following.response_body or b""
            await self._send({"type": f"{_EXTENSION}.body", "body": body, "more_body": more})
            following = await self._going_on() if more else None

    async def _close(self) -> None:
        if self._waiting is None:
            await self.receive()  # websocket.connect
        await self._send({"type": "websocket.close", "code": 1008})
