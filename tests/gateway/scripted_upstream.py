"""An upstream that does on its socket exactly what a test scripts, and tells what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

CHUNKED = re.compile(rb"^transfer-encoding: *chunked\r\n", re.IGNORECASE | re.MULTILINE)
LENGTH = re.compile(rb"^content-length: *(\d+)\r\n", re.IGNORECASE | re.MULTILINE)
LINGER_NOT = struct.pack("ii", 1, 0)  # close with a reset


@dataclass(kw_only=True)
class Received:
    """One request as it was on the wire; `body` is without its chunked coding."""

    head: bytes
    body: bytes = b""

    @property
    def line(self) -> bytes:
        """The request line."""
        return self.head.split(b"\r\n", 1)[0]

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The fields, names in lower case, in order."""
        lines = self.head.split(b"\r\n")[1:-2]
        pairs = (line.partition(b":") for line in lines)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a field."""
        return [value for key, value in self.fields if key == name]


@dataclass
class Peer:
    """The upstream's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: list[Received] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def head(self) -> Received:
        """Read a request's head and leave its body on the socket."""
        request = Received(head=await self.reader.readuntil(b"\r\n\r\n"))
        self.received.append(request)
        return request

    async def request(self) -> Received:
        """Read a whole request."""
        request = await self.head()
        async for chunk in self.body(request):
            request.body += chunk
        return request

    async def body(self, request: Received) -> AsyncIterator[bytes]:
        """Read a request's body by its chunks, or in one piece when it has a length."""
        if CHUNKED.search(request.head):
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                yield (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readuntil(b"\r\n")
        elif length := LENGTH.search(request.head):
            yield await self.reader.readexactly(int(length[1]))

    async def send(self, data: bytes) -> None:
        """Put bytes on the wire as they are."""
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"ok", *, status: int = 200, fields: bytes = b"") -> None:
        """Send a whole response with a length."""
        head = b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n" % (status, fields, len(body))
        await self.send(head + body)

    def close(self) -> None:
        """Close in the orderly way."""
        self.writer.close()

    def reset(self) -> None:
        """Close so that the other end sees a reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


async def echo(peer: Peer) -> None:
    """Answer every request with its own request line."""
    while True:
        request = await peer.request()
        await peer.answer(request.line)


async def silent(peer: Peer) -> None:
    """Script: read a request, answer nothing."""
    await peer.request()


async def dripping(peer: Peer) -> None:
    """Script: a body that never ends, a little at a time."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await peer.send(b".")
        await asyncio.sleep(0.02)


def sends(*parts: bytes, close: bool = False) -> Script:
    """Script: answer each request with these bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for part in parts:
                await peer.send(part)
            if close:
                peer.close()

    return script


def in_halves(finish: asyncio.Event) -> Script:
    """Script: half of the response `old!`, and the rest once it may."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nol")
        await finish.wait()
        await peer.send(b"d!")

    return script


class ScriptedUpstream:
    """A server whose connections each follow a script: the n-th the n-th, the rest the last.

    A connection is kept open when its script ends, until the other end or the test closes it.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts or (echo,)
        self.tls = tls
        self.peers: list[Peer] = []
        self.changed = asyncio.Condition()
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port: int = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for peer in self.peers:
            peer.writer.transport.abort()
        for script in self._running:  # one may wait for what a failed test never does
            script.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await self.server.wait_closed()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Received]:
        """Every request seen, by connection."""
        return [request for peer in self.peers for request in peer.received]

    @property
    def open(self) -> int:
        """Connections that neither end has closed."""
        return sum(not peer.gone.is_set() for peer in self.peers)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds about what this upstream has seen."""
        async with asyncio.timeout(10), self.changed:
            while not condition():
                with contextlib.suppress(TimeoutError):  # requests change without a signal
                    await asyncio.wait_for(self.changed.wait(), 0.02)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        script = self.scripts[min(len(self.peers), len(self.scripts)) - 1]
        running = asyncio.create_task(self._run(peer, script))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        await asyncio.wait((running,))
        if not running.cancelled():
            running.result()

    async def _run(self, peer: Peer, script: Script) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(peer)
                while await peer.reader.read(65_536):
                    pass
        finally:
            peer.gone.set()
            peer.writer.transport.abort()
            async with self.changed:
                self.changed.notify_all()
