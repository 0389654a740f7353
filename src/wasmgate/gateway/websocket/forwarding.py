"""One WebSocket connection from an ASGI server to an upstream.

The handshake passes the policies in both directions, as any request's head does. Then two tasks
carry messages, one in each direction, each at the pace of the end that takes them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from wasmgate._asgi import problem
from wasmgate.gateway.asgi.failures import log_fault, said
from wasmgate.gateway.websocket.client_handshake import ClientHandshake
from wasmgate.gateway.websocket.closing import (
    IDLE,
    TOO_LARGE,
    for_client,
    for_upstream,
)
from wasmgate.gateway.websocket.upstream import open_upstream
from wasmgate.messages import kind_of

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Response

    from wasmgate._asgi import Fields, Message, Receive, Scope, Send
    from wasmgate._native import Effects, Exchange, UpstreamRequest
    from wasmgate.gateway.deployment import Deployment
    from wasmgate.gateway.websocket.closing import Close

__all__ = ["WebSocketForwarder"]

_LOGGER = logging.getLogger("wasmgate.gateway")
_SWITCHES = 101
_FINAL = 200
_BY_TRANSPORT = problem(
    501, "Not Implemented", "what serves this cluster does not serve WebSocket connections"
)
_OWN = b"sec-websocket-"  # fields of the handshake, which the server writes


class WebSocketForwarder:
    """One connection.

    Args:
        deployment: What the connection is served with, also after a reload.
        exchange: The handshake, opened.
        scope: The connection.
        receive: Returns the next event of the server.
        send: Takes the next event for the server.
    """

    def __init__(
        self,
        deployment: Deployment,
        exchange: Exchange,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._deployment = deployment
        self._exchange = exchange
        self._send = send
        driver = deployment.loop_state().driver
        self._handshake = ClientHandshake(exchange, driver, scope, receive, send)
        self._connection: ClientConnection | None = None

    async def run(self, effects: Effects | None) -> None:
        """Forward the connection whose handshake gave `effects`, until it ends."""
        try:
            if await self._handshake.passed(effects):
                await self._forward()
        finally:
            if self._connection is not None:
                self._connection.transport.abort()
            self._handshake.close()

    async def _forward(self) -> None:
        request = self._exchange.upstream
        time = None if request is None else self._deployment.handshake_time(request.cluster)
        if request is None or time is None:
            await self._handshake.answer(self._exchange.respond(*_BY_TRANSPORT))
            return
        if request.timeout is not None:
            time = min(time, request.timeout)
        opening = asyncio.ensure_future(self._open(request, time))
        try:
            await self._handshake.wait(opening)
        finally:
            opening.cancel()
        if not opening.done() or opening.cancelled():
            return  # the client left
        answer = opening.result()
        if isinstance(answer, str):
            await self._handshake.answer(self._exchange.failed(answer))
            return
        head, body = answer
        items = head.headers.raw_items()
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in items]
        if head.status_code != _SWITCHES:
            await self._handshake.deny(head.status_code, fields, body)
            return
        effects = self._exchange.on_response_headers(_SWITCHES, fields, True)  # noqa: FBT003 (the end)
        log_fault(self._exchange, cut=False)
        accepted = await self._handshake.answer(effects)
        if accepted is not None and self._connection is not None:
            await self._accept(accepted)
            await self._relay(self._connection)

    async def _open(self, request: UpstreamRequest, time: float) -> tuple[Response, bytes] | str:
        """Connect; gives the head and the body of the answer, or the failure's name."""
        size = (self._exchange.websocket_limits or (0.0, 0))[1]
        try:
            async with asyncio.timeout(time):
                self._connection = await open_upstream(request, message_size=size)
        except InvalidStatus as error:
            if error.response.status_code >= _FINAL:
                return error.response, bytes(error.response.body or b"")
            failure, reason = "protocol", str(error)
        except TimeoutError:
            failure, reason = "timeout", "it did not answer the handshake in time"
        except InvalidHandshake as error:
            failure, reason = "protocol", str(error)
        except OSError as error:
            failure, reason = "connect", str(error)
        else:
            response = self._connection.response
            return (response, b"") if response is not None else "protocol"
        _LOGGER.warning("%s: %s: %s", said(self._exchange), request.endpoint, reason)
        return failure

    async def _accept(self, fields: Fields) -> None:
        chosen = [value for name, value in fields if name == b"sec-websocket-protocol"]
        await self._send(
            {
                "type": "websocket.accept",
                "subprotocol": chosen[0].decode("latin-1") if chosen else None,
                "headers": [field for field in fields if not field[0].startswith(_OWN)],
            }
        )

    async def _relay(self, connection: ClientConnection) -> None:
        idle, size = self._exchange.websocket_limits or (None, 0)
        tasks = [
            asyncio.ensure_future(self._upload(connection, size)),
            asyncio.ensure_future(self._download(connection)),
        ]
        close: Close | None = IDLE
        try:
            async with asyncio.timeout(idle) as self._idle:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            close = done.pop().result()
        except TimeoutError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if close is not None:
            await self._send(
                {"type": "websocket.close", "code": close.code, "reason": close.reason}
            )
            await connection.close(*close)

    def _note(self) -> None:
        """Count the time without a message from now on."""
        idle = (self._exchange.websocket_limits or (None, 0))[0]
        if idle is not None and not self._idle.expired():
            self._idle.reschedule(asyncio.get_running_loop().time() + idle)

    async def _upload(self, connection: ClientConnection, size: int) -> Close | None:
        """Send the client's messages on; gives how the client is closed, None if it has left."""
        while True:
            message = await self._handshake.receive()
            if kind_of(message) == "websocket.disconnect":
                await connection.close(*for_upstream(message))
                return None
            data = _data(message)
            if (len(data) if isinstance(data, bytes) else len(data.encode())) > size:
                return TOO_LARGE
            try:
                await connection.send(data)
            except ConnectionClosed as error:
                return for_client(error)
            self._note()

    async def _download(self, connection: ClientConnection) -> Close:
        """Send the upstream's messages on; gives how the client is closed."""
        try:
            while True:
                data = await connection.recv()
                key = "text" if isinstance(data, str) else "bytes"
                await self._send({"type": "websocket.send", key: data})
                self._note()
        except ConnectionClosed as error:
            return for_client(error)


def _data(message: Message) -> str | bytes:
    text = message.get("text")
    return text if isinstance(text, str) else bytes(message.get("bytes") or b"")
