"""One HTTP request from an ASGI server to an upstream, and its response back.

The native exchange decides; this carries the bytes. Up to three tasks work on a request:

- the server's own, which begins the upstream request and sends the response. A request whose body
  comes in one piece needs no other while no policy pauses it;
- the uplink, which reads a longer body, and then waits for the client to leave;
- the waker, once a policy has paused, which waits for the effects of the policy that continues.

Those two put effects on the response into the queue of the server's task.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple, cast

from wasmgate.errors import UpstreamError
from wasmgate.gateway.asgi.downstream import Cut, Downstream, answers
from wasmgate.gateway.asgi.effects_queue import EffectsQueue
from wasmgate.gateway.asgi.failures import FAILURES, ClientDisconnected, log_fault, said
from wasmgate.gateway.asgi.interruptible import Interruptible
from wasmgate.gateway.asgi.timeouts import RequestTimeouts
from wasmgate.messages import kind_of
from wasmgate.upstream.port import next_part

if TYPE_CHECKING:
    from collections.abc import Container

    from wasmgate._asgi import Message, Receive, Send
    from wasmgate._native import Effects, Exchange, UpstreamRequest
    from wasmgate.gateway.loop_state import LoopState
    from wasmgate.upstream import Transaction

__all__ = ["AsgiForwarder"]

_LOGGER = logging.getLogger("wasmgate.gateway")


class Full(NamedTuple):
    """Whether the policies' buffers of the request and of the response have reached their limit."""

    request: bool
    response: bool


class AsgiForwarder(Interruptible):
    """One request in flight."""

    __slots__ = (
        "_awaited",
        "_exchange",
        "_full",
        "_loop_state",
        "_queued",
        "_read",
        "_receive",
        "_room",
        "_source",
        "_timeouts",
        "_transaction",
        "_uplink",
        "_waker",
    )

    def __init__(
        self,
        loop_state: LoopState,
        exchange: Exchange,
        receive: Receive,
        send: Send,
        extensions: Container[str],
    ) -> None:
        super().__init__(Downstream(send, extensions), loop_state.loop)
        self._loop_state = loop_state
        self._exchange = exchange
        self._receive = receive
        self._queued = EffectsQueue()
        self._transaction: Transaction | None = None
        self._timeouts = RequestTimeouts(loop_state.loop.time, exchange.timeout)
        # The states of three parties: the client, the server's task and the policies. Each changes
        # while the others stay, so one value of all three would have a case for each combination.
        self._read = not exchange.body_follows  # the client has sent the whole request
        self._awaited: Transaction | None = None  # the server's task waits for this and no effects
        self._full = Full(request=False, response=False)  # how much the policies accept
        self._room: asyncio.Event | None = None  # in the request; made when it is waited for
        self._source: asyncio.Future[tuple[bytes, bool]] | None = None
        self._uplink: asyncio.Task[None] | None = None
        self._waker: asyncio.Task[None] | None = None

    async def run(self, effects: Effects | None, first: Message | None) -> None:
        """Forward the request whose head gave `effects`; `first` is the body read so far.

        Raises Cut when the client must see that the response is not complete.
        """
        self._loop_state.enter(self)
        try:
            try:
                await self._request(effects, first)
            except UpstreamError as error:
                failure = self._failure(error)
            except asyncio.CancelledError:
                failure = self._out_of_time()
            else:
                return
            await self._failed(failure)
        except asyncio.CancelledError:
            if self._interruption is None:
                raise
            self._server_task.uncancel()
            if not isinstance(self._interruption, ClientDisconnected):
                raise self._interruption from None
        except ClientDisconnected:
            pass
        except Cut:
            log_fault(self._exchange, cut=True)
            raise
        finally:
            self._loop_state.leave(self)
            self._close()

    def _failure(self, error: UpstreamError) -> str | None:
        """Log an upstream's error; returns its name, or None when a policy has answered."""
        if self._queued:  # that ended the upstream's part
            return None
        _LOGGER.warning("%s: %s", said(self._exchange), error)
        return "route_timeout" if self._timeouts.over else FAILURES[type(error)]

    async def _failed(self, failure: str | None) -> None:
        """Answer instead of the upstream; None: a policy has answered."""
        while True:
            try:
                await self._answer(failure)
            except asyncio.CancelledError:
                failure = self._out_of_time()
            else:
                return

    async def _answer(self, failure: str | None) -> None:
        if failure is None:
            await self._finish(self._queued.take())
            return
        if self._transaction is not None:
            self._transaction.close()
        await self._finish(self._noted(self._exchange.failed(failure)))

    def _close(self) -> None:
        self._downstream.complete = True
        source = self._source
        for task in (self._uplink, self._waker, source):
            if task is not None:
                task.cancel()
        if source is not None and source.done() and not source.cancelled():
            source.exception()  # it is not awaited: asyncio would log it
        if self._transaction is not None:
            self._transaction.close()
        self._noted(self._exchange.close())
        # The tasks refer to this object. Without that cycle it is freed now, and with it the
        # policies that only its exchange still holds.
        self._uplink = self._waker = self._source = self._transaction = None

    def _noted(self, effects: Effects | None) -> Effects | None:
        if effects is not None:
            self._note(effects)
        return effects

    def _note(self, effects: Effects) -> None:
        self._loop_state.driver.apply(effects)
        self._full = Full(request=effects.request_full, response=effects.response_full)
        if self._room is not None and not effects.request_full:
            self._room.set()
            self._room = None

    # The server's task: the request.

    async def _request(self, effects: Effects | None, first: Message | None) -> None:
        exchange = self._exchange
        chunk, end = b"", self._read
        if self._noted(effects) is not None:
            transaction = await self._until_forwarded(effects, first)
            if transaction is not None:
                await self._response(transaction)
            return
        if not end and (first is not None or self._upstream.length is not None):
            # A client sends a body with a length without waiting for a response, so the first part
            # is awaited here: head and body then leave in one write.
            message = first or await self._timeouts.received(self._receive)
            if message["type"] == "http.disconnect":
                return
            chunk, end = self._taken(message)
            effects = self._noted(exchange.on_request_body(chunk, end))
            if effects is not None:
                if answers(effects):
                    await self._finish(effects)
                    return
                chunk, end = effects.request_body or b"", effects.request_end
        await self._response(self._begin(chunk, end=end))

    async def _until_forwarded(
        self, effects: Effects | None, first: Message | None
    ) -> Transaction | None:
        """Wait while policies hold the head. None: a policy has answered."""
        if effects is not None and effects.forward:
            return self._forward(effects)
        while self._transaction is None:
            if effects is not None and answers(effects):
                await self._finish(effects)
                return None
            if not self._read:
                self._start_uplink(first)
            self._start_waker()
            effects = await self._queued.get()
        return self._transaction

    def _forward(self, effects: Effects) -> Transaction:
        """Start the upstream's transaction with what the policies forwarded."""
        return self._begin(effects.request_body or b"", end=effects.request_end)

    @property
    def _upstream(self) -> UpstreamRequest:
        return cast("UpstreamRequest", self._exchange.upstream)  # there once the head goes on

    def _begin(self, chunk: bytes, *, end: bool) -> Transaction:
        request = self._upstream
        upstream = self._loop_state.upstreams[request.cluster]
        within = self._timeouts.follow(request.timeout)
        self._transaction = upstream.begin(request, chunk, end=end, within=within)
        if not self._read:
            self._start_uplink(None)
        elif not end:
            self._start_waker()
        return self._transaction

    # The server's task: the response.

    async def _response(self, transaction: Transaction) -> None:
        self._awaited = transaction
        await transaction.response(self._downstream.early_hints)
        self._awaited = None
        status, headers = transaction.status, transaction.headers
        chunk, ended = transaction.take(), transaction.ended
        whole = ended and not chunk and not transaction.trailers
        effects = self._exchange.on_response_headers(status, headers, whole)
        if effects is None:
            await self._downstream.head(status, headers)
            if whole:
                await self._downstream.body(b"", end=True)
                return
        else:
            log_fault(self._exchange, cut=False)
            if await self._emitted(effects, held=effects.response_head is None):
                return
        if whole:
            await self._finish(None)
        else:
            await self._response_body(transaction, chunk, ended=ended)

    async def _response_body(self, transaction: Transaction, chunk: bytes, *, ended: bool) -> None:
        while True:
            last = ended and not transaction.trailers
            if chunk or last:
                effects = self._exchange.on_response_body(chunk, last)
                if effects is None:
                    await self._downstream.body(chunk, end=last)
                    if last:
                        return
                elif await self._emitted(effects, held=effects.response_body is None):
                    return
            if ended:
                break
            more = await self._more(transaction)
            if more is None:
                return
            chunk, ended = more
        effects = None
        if transaction.trailers:
            effects = self._noted(self._exchange.on_response_trailers(transaction.trailers))
        await self._finish(effects)

    async def _emitted(self, effects: Effects, *, held: bool) -> bool:
        self._note(effects)
        if await self._downstream.emit(effects):
            return True
        if held:
            self._start_waker()
        return False

    async def _more(self, transaction: Transaction) -> tuple[bytes, bool] | None:
        """Wait for the upstream, while sending what policies forward. None: the response has ended.

        Returns bytes, and whether they are the last of the body.
        """
        while self._full.response:
            self._start_waker()
            if await self._downstream.emit(await self._queued.get()):
                return None
        if self._waker is None:
            self._awaited = transaction
            received = await next_part(transaction)
            self._awaited = None
            return received
        source = self._source = asyncio.ensure_future(next_part(transaction))
        while not source.done():
            await asyncio.wait((source, self._queued.filled()), return_when="FIRST_COMPLETED")
            if self._queued and await self._downstream.emit(self._queued.take()):
                return None
        return source.result()

    async def _finish(self, effects: Effects | None) -> None:
        """Send the rest of a response that needs nothing more from the upstream."""
        while effects is None or not await self._downstream.emit(effects):
            self._start_waker()
            effects = await self._queued.get()

    # The other tasks.

    def _start_uplink(self, first: Message | None) -> None:
        if self._uplink is None:
            self._uplink = self._start(self._upload(first))

    def _start_waker(self) -> None:
        if self._waker is None:
            self._waker = self._start(self._resume())

    def check_timeouts(self, now: float) -> None:
        """Interrupt a request whose deadline has passed, and watch for its client to leave."""
        if (end := self._timeouts.end(now)) is not None:
            self._interrupt(end)
        if self._downstream.stalled(now):
            self._break_off(ClientDisconnected())
        if self._read and self._uplink is None:
            self._start_uplink(None)

    async def _upload(self, message: Message | None) -> None:
        while not self._read:
            if self._full.request:
                await self._until_room()
            message = message or await self._timeouts.received(self._receive)
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            await self._pass_on(*self._taken(message))
            message = None
        while kind_of(await self._receive()) != "http.disconnect":
            pass
        raise ClientDisconnected

    def _taken(self, message: Message) -> tuple[bytes, bool]:
        self._read = not message.get("more_body", False)
        return message.get("body", b""), self._read

    async def _pass_on(self, chunk: bytes, end: bool) -> None:  # noqa: FBT001 (as ASGI pairs them)
        transaction = self._transaction
        if transaction is not None and not transaction.accepting:
            return  # the upstream has responded: the rest is read until the client disconnects
        effects = self._exchange.on_request_body(chunk, end)
        if effects is not None:
            await self._deliver(effects)
            if end and not effects.request_end:
                self._start_waker()
        elif transaction is not None:
            await self._write(transaction, chunk, end=end)

    async def _resume(self) -> None:
        while True:
            await self._deliver(await self._loop_state.driver.wait(self._exchange))

    async def _deliver(self, effects: Effects) -> None:
        """Apply the effects on the request; leave the others to the server's task."""
        was_full = self._full.response
        self._note(effects)
        if effects.forward:
            self._forward(effects)
            self._queued.put(effects)
            return
        transaction = self._transaction
        if transaction is not None and (effects.request_body or effects.request_end):
            await self._write(transaction, effects.request_body or b"", end=effects.request_end)
        emptied = was_full and not effects.response_full and self._awaited is None
        more = effects.response_body is not None or effects.response_end
        if more or emptied or answers(effects):
            self._queued.put(effects)
            if self._awaited is not None:
                self._awaited.close()

    async def _until_room(self) -> None:
        """Wait until the policies accept more of the request; the waker applies their effects."""
        self._start_waker()
        while self._full.request:
            self._room = self._room or asyncio.Event()
            await self._room.wait()

    async def _write(self, transaction: Transaction, chunk: bytes, *, end: bool) -> None:
        try:
            await transaction.write(chunk, end=end)
        except UpstreamError:
            transaction.close()  # the server's task gets the same error
