"""The client's side of a handshake: it passes the policies, and is answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from wasmgate.messages import kind_of

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message, Receive, Scope, Send
    from wasmgate._native import Effects, Exchange
    from wasmgate.driver import Driver

__all__ = ["ClientHandshake"]

_EXTENSION = "websocket.http.response"
_SWITCHES = 101
_REFUSED = 1008


class ClientHandshake:
    """Between an ASGI server and an exchange. The exchange ends with `close`."""

    def __init__(
        self, exchange: Exchange, driver: Driver, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._exchange = exchange
        self._driver = driver
        self._receive = receive
        self._send = send
        self._can_deny = _EXTENSION in (scope.get("extensions") or {})
        self._begun = False  # an answer other than 101
        self._incoming: asyncio.Future[Message] | None = None
        self._deadline = (
            None
            if exchange.timeout is None
            else asyncio.get_running_loop().time() + exchange.timeout
        )

    def close(self) -> None:
        """End the exchange."""
        if self._incoming is not None:
            self._incoming.cancel()
        if (effects := self._exchange.close()) is not None:
            self._driver.apply(effects)

    async def receive(self) -> Message:
        """Return the next message of the server."""
        message = await asyncio.shield(self._next())
        self._incoming = None
        return message

    def _next(self) -> asyncio.Future[Message]:
        if self._incoming is None:
            self._incoming = asyncio.ensure_future(self._receive())
        return self._incoming

    async def passed(self, effects: Effects | None) -> bool:
        """Wait until the policies let it go on; False: it is answered, or the client left."""
        if kind_of(await self.receive()) != "websocket.connect":
            return False
        while effects is not None:
            self._driver.apply(effects)
            if effects.forward:
                return True
            if effects.reset or effects.response_head is not None:
                await self._send_rest(effects)
                return False
            effects = await self._going_on()
            if effects is None:
                return False
        return True

    async def wait(self, work: asyncio.Future[Any]) -> None:
        """Wait for some work, or until the client has left."""
        while not work.done():
            await asyncio.wait((work, self._next()), return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and self._has_left():
                return

    def _has_left(self) -> bool:
        incoming = self._next()
        return incoming.done() and kind_of(incoming.result()) == "websocket.disconnect"

    async def answer(self, effects: Effects | None) -> Fields | None:
        """Answer the handshake; gives the fields of 101 if that is the answer."""
        if effects is not None:
            self._driver.apply(effects)
            return await self._send_rest(effects)
        return None

    async def deny(self, status: int, fields: Fields, body: bytes) -> None:
        """Answer with a response of the upstream, through the policies."""
        effects = self._exchange.on_response_headers(status, fields, not body)
        if effects is None:
            await self._start(status, fields)
            if not body:
                await self._body(b"", more=False)
        else:
            self._driver.apply(effects)
            if not body or effects.reset or effects.response_end:
                await self._send_rest(effects)
                return
            await self._send_part(effects)
        if body:
            following = self._exchange.on_response_body(body, True)  # noqa: FBT003 (the last)
            if following is None:
                await self._body(body, more=False)
            else:
                self._driver.apply(following)
                await self._send_rest(following)

    async def _send_rest(self, effects: Effects | None) -> Fields | None:
        """Send an answer as it goes on; gives the fields of 101 if that is the answer."""
        while effects is not None:
            head = effects.response_head
            if head is not None and head[0] == _SWITCHES:
                return head[1]
            if await self._send_part(effects):
                return None
            effects = await self._going_on()
            if effects is not None:
                self._driver.apply(effects)
        return None

    async def _send_part(self, effects: Effects) -> bool:
        """Send what goes on of an answer; True if that is its end."""
        if effects.reset:
            await self._send({"type": "websocket.close", "code": _REFUSED})
            return True
        if effects.response_head is not None:
            await self._start(*effects.response_head)
        if self._begun and (effects.response_body or effects.response_end):
            await self._body(effects.response_body or b"", more=not effects.response_end)
        return effects.response_end

    async def _going_on(self) -> Effects | None:
        """Wait until the exchange continues; None: the client left."""
        loop = asyncio.get_running_loop()
        while True:
            if self._deadline is not None and loop.time() >= self._deadline:
                self._deadline = None
                effects = self._exchange.failed("route_timeout")
            else:
                effects = await self._woken()
            if effects is not None:
                return effects
            if self._has_left():
                return None

    async def _woken(self) -> Effects | None:
        """Wait until the exchange is woken, the client has sent something, or time is over."""
        timer = None
        if self._deadline is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_at(self._deadline, self._driver.wake, self._exchange.id)
        try:
            return await self._driver.wait_or(self._exchange, self._next())
        finally:
            if timer is not None:
                timer.cancel()

    async def _start(self, status: int, fields: Fields) -> None:
        """Send a head, or what a server makes a 403 of if it cannot send another response."""
        self._begun = True
        if self._can_deny:
            head = {"type": f"{_EXTENSION}.start", "status": status, "headers": fields}
            await self._send(head)
        else:
            await self._send({"type": "websocket.close", "code": _REFUSED})

    async def _body(self, body: bytes, *, more: bool) -> None:
        if self._can_deny:
            await self._send({"type": f"{_EXTENSION}.body", "body": body, "more_body": more})
