"""An upstream that keeps what it saw, and a client that keeps what came back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

# Named by the gateways themselves, or about one connection only.
OWN = {
    b"via", b"connection", b"content-length", b"transfer-encoding", b"date", b"server", b"host",
    b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port",
    b"keep-alive", b"x-real-ip", b"forwarded",
}  # fmt: skip

TURN = 0.1  # seconds

Fields = tuple[tuple[bytes, bytes], ...]


class IncompleteError(Exception):
    """More bytes are needed."""


@dataclass(frozen=True)
class Message:
    """A request or a response without its framing and without the words of the gateways."""

    line: bytes
    fields: Fields
    body: bytes


class Reader:
    """Reads the messages that a gateway wrote from the bytes that have come so far."""

    def __init__(self, *, response: bool) -> None:
        self.received = bytearray()
        self._response = response
        self._start = 0

    @property
    def rest(self) -> int:
        """How many bytes belong to no message yet."""
        return len(self.received) - self._start

    def message(self, *, bodiless: bool = False, ended: bool = False) -> Message:
        """Take the next message; `ended`: nothing more will come.

        Raises IncompleteError when it is not whole yet and ValueError when it is none.
        """
        head_end = self.received.find(b"\r\n\r\n", self._start)
        if head_end < 0:
            raise IncompleteError
        line, *lines = bytes(self.received[self._start : head_end]).split(b"\r\n")
        pairs = []
        for each in lines:
            name, _, value = each.partition(b":")
            pairs.append((name.lower(), value.strip()))
        body, end = self._body(line, dict(pairs), head_end + 4, bodiless=bodiless, ended=ended)
        self._start = end
        return Message(line, tuple(sorted(pair for pair in pairs if pair[0] not in OWN)), body)

    def _body(
        self, line: bytes, values: dict[bytes, bytes], at: int, *, bodiless: bool, ended: bool
    ) -> tuple[bytes, int]:
        status = line.split(b" ")[1] if self._response else b""
        if bodiless or status[:1] == b"1" or status in {b"204", b"304"}:
            return b"", at
        if values.get(b"transfer-encoding", b"").lower() == b"chunked":
            return self._chunks(at)
        if b"content-length" in values:
            end = at + int(values[b"content-length"])
            if end > len(self.received):
                raise IncompleteError
            return bytes(self.received[at:end]), end
        if self._response:
            if not ended:
                raise IncompleteError
            return bytes(self.received[at:]), len(self.received)
        return b"", at

    def _chunks(self, at: int) -> tuple[bytes, int]:
        body = b""
        while True:
            size_line, at = self._line(at)
            size = int(size_line, 16)
            if not size:
                break
            if at + size + 2 > len(self.received):
                raise IncompleteError
            body += self.received[at : at + size]
            at += size + 2
        trailer, at = self._line(at)
        while trailer:
            trailer, at = self._line(at)
        return body, at

    def _line(self, at: int) -> tuple[bytes, int]:
        end = self.received.find(b"\r\n", at)
        if end < 0:
            raise IncompleteError
        return bytes(self.received[at:end]), end + 2


@dataclass
class Recorder:
    """One upstream: answers every request with `response`."""

    response: bytes = b""
    seen: list[Message] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    async def start(self) -> int:
        """Listen; gives the port."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: _Serving(self), "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port


class _Serving(asyncio.Protocol):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._reader = Reader(response=False)
        self._transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.received += data
        recorder = self._recorder
        try:
            while self._reader.rest:
                recorder.seen.append(self._reader.message())
                self._transport.write(recorder.response)
                if b"close" in recorder.response:
                    self._transport.close()
                    return
        except IncompleteError:
            pass
        except ValueError as error:
            recorder.broken.append(repr(error))
            self._transport.close()


class _Asking(asyncio.Protocol):
    """Waits for turns of the loop, not for a clock: a process that gets no time is not answered.

    The servers have their turns on the same loop, or, as nginx, while it waits.
    """

    def __init__(self, data: bytes, within: float) -> None:
        self._data = data
        self._within = self._left = max(1, round(within / TURN))
        self._transport = cast("asyncio.Transport", None)
        self._patience = cast("asyncio.TimerHandle", None)
        self.reader = Reader(response=True)
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._data)
        self._turn()

    def data_received(self, data: bytes) -> None:
        self.reader.received += data
        self._left = self._within

    def connection_lost(self, _exc: Exception | None) -> None:
        self._end("closed")

    def _turn(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._end("open")
        else:
            self._patience = asyncio.get_running_loop().call_later(TURN, self._turn)

    def _end(self, how: str) -> None:
        self._patience.cancel()
        if not self.ended.done():
            self.ended.set_result(how)
            self._transport.abort()


async def replies(port: int, data: bytes, within: float) -> tuple[list[Message], str]:
    """Send bytes and read what comes back, and how it ended: "closed", "cut" or "open"."""
    loop = asyncio.get_running_loop()
    _, asking = await loop.create_connection(lambda: _Asking(data, within), "127.0.0.1", port)
    closed = await asking.ended == "closed"
    head = data.lstrip(b"\r\n").split(b" ", 1)[0] == b"HEAD"
    return _read(asking.reader, head=head, closed=closed)


def _read(reader: Reader, *, head: bool, closed: bool) -> tuple[list[Message], str]:
    came: list[Message] = []
    try:
        while reader.rest:
            bodiless = head and not came
            message = reader.message(bodiless=bodiless, ended=closed)
            if not message.line.startswith(b"HTTP/1.1 1"):
                came.append(message)
            if bodiless and message.line > b"HTTP/1.1 4":
                return came, "closed"  # some refuse HEAD with a body, some without
    except IncompleteError:
        return came, "cut" if closed else "open"
    except ValueError:
        return came, "closed"
    return came, "closed" if closed else "open"
