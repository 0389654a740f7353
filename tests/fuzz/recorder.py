"""An upstream that keeps what it saw, and a client that keeps what came back."""

from __future__ import annotations

import asyncio
import functools
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fuzz.sockets import received

if TYPE_CHECKING:
    from tests.fuzz.sockets import Sockets

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

    def take_rest(self) -> bytes:
        """Take what belongs to no message."""
        rest = bytes(self.received[self._start :])
        self.received.clear()
        self._start = 0
        return rest

    @property
    def rest(self) -> int:
        """How many bytes belong to no message yet."""
        return len(self.received) - self._start

    def message(self, *, bodiless: bool = False, ended: bool = False) -> Message:
        """Take the next message; `ended`: nothing more will come.

        Raises IncompleteError for an incomplete request and ValueError for an invalid one.
        """
        head_end = self.received.find(b"\r\n\r\n", self._start)
        if head_end < 0:
            raise IncompleteError
        line, fields, values = _head(bytes(self.received[self._start : head_end]))
        body, end = self._body(line, values, head_end + 4, bodiless=bodiless, ended=ended)
        self._start = end
        return Message(line, fields, body)

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


@functools.lru_cache(maxsize=4096)
def _head(head: bytes) -> tuple[bytes, Fields, dict[bytes, bytes]]:
    """Take a head apart: its line, the fields that are compared, and the last value of each."""
    line, *lines = head.split(b"\r\n")
    pairs = []
    for each in lines:
        name, _, value = each.partition(b":")
        pairs.append((name.lower(), value.strip()))
    return line, tuple(sorted(pair for pair in pairs if pair[0] not in OWN)), dict(pairs)


class Recorder:
    """One upstream: answers every request with `response`, and keeps what it was asked."""

    def __init__(self, sockets: Sockets) -> None:
        self.response = b""
        self.seen: list[Message] = []
        self._sockets = sockets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        sockets.watch(self._listener, self._accept)

    def _accept(self) -> None:
        opened, _ = self._listener.accept()
        serving = _Serving(self, self._sockets, opened)
        self._sockets.watch(opened, serving.read)


class _Serving:
    def __init__(self, recorder: Recorder, sockets: Sockets, opened: socket.socket) -> None:
        self._recorder = recorder
        self._sockets = sockets
        self._opened = opened
        self._reader = Reader(response=False)

    def read(self) -> None:
        data = received(self._opened)
        if data:
            self._reader.received += data
            if self._answer():
                return
        if data is not None:
            self._sockets.close(self._opened)

    def _answer(self) -> bool:
        """Answer what is whole; whether the connection stays."""
        recorder = self._recorder
        try:
            while self._reader.rest:
                recorder.seen.append(self._reader.message())
                self._opened.send(recorder.response, socket.MSG_DONTWAIT)
                if b"close" in recorder.response:
                    return False
        except IncompleteError:
            return True
        except ValueError:
            recorder.seen.append(Message(b"? ? ?", (), self._reader.take_rest()))
            return False
        except OSError:
            return False
        self._reader.take_rest()
        return True


Answer = tuple[list[Message], str]
"""What came back, and how it ended: "closed", "cut" or "open"."""


class Client:
    """Sends inputs, each over a connection of its own, and keeps what comes back.

    Waits for turns of the loop, not for a clock: a process that gets no time is not answered. The
    servers have their turns on the same loop, or, as nginx, while it waits.
    """

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._asking: set[_Asking] = set()

    async def count_turns(self) -> None:
        """Let patience end, for ever."""
        while True:
            await asyncio.sleep(TURN)
            for asking in list(self._asking):
                asking.turn()

    def ask(self, port: int, data: bytes, patience: float) -> asyncio.Future[Answer]:
        """Send bytes; the result is there when nothing more comes back."""
        return _Asking(
            self._sockets, self._asking, port, data, max(1, round(patience / TURN))
        ).answer


class _Asking:
    def __init__(
        self, sockets: Sockets, asking: set[_Asking], port: int, data: bytes, turns: int
    ) -> None:
        self._sockets = sockets
        self._asking = asking
        self._data = data
        self._turns = self._left = turns
        self._reader = Reader(response=True)
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._opened = socket.socket()
        try:
            self._opened.connect(("127.0.0.1", port))
            self._opened.send(data, socket.MSG_DONTWAIT)
        except OSError:
            self._opened.close()
            raise
        asking.add(self)
        sockets.watch(self._opened, self._read)

    def turn(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._close()
            self._say(closed=False)

    def _read(self) -> None:
        self._left = self._turns
        while data := received(self._opened):
            self._reader.received += data
        if data is not None:
            self._close()
            # Upstreams read first what came to them at the same time.
            self._sockets.call_later(self._say_closed)

    def _close(self) -> None:
        self._asking.remove(self)
        self._sockets.close(self._opened)

    def _say_closed(self) -> None:
        self._say(closed=True)

    def _say(self, *, closed: bool) -> None:
        if not self.answer.done():
            head = self._data.lstrip(b"\r\n").split(b" ", 1)[0] == b"HEAD"
            self.answer.set_result(_read(self._reader, head=head, closed=closed))


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
