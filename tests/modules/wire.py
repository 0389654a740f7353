"""HTTP/1.1 messages as they are on the wire: both ends of what is compared use this, no library."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader

Fields = list[tuple[str, str]]
BODILESS = re.compile(r"HTTP/1\.1 (1\d\d|204|304) ")


@dataclass(frozen=True)
class Message:
    """A request or a response; the body without its chunked coding."""

    line: str
    fields: Fields
    body: bytes = b""
    trailers: Fields = field(default_factory=list)

    @property
    def target(self) -> str:
        """The target of a request."""
        return self.line.split(" ")[1]

    def written(self, *, chunked: bool = False) -> bytes:
        """Return its bytes: each line of the body a chunk, or with its length."""
        framing = "transfer-encoding: chunked" if chunked else f"content-length: {len(self.body)}"
        head = [self.line, *(f"{name}: {value}" for name, value in self.fields), framing]
        start = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
        if not chunked:
            return start + self.body
        parts = [
            b"%x\r\n%b\r\n" % (len(part), part) for part in self.body.splitlines(keepends=True)
        ]
        last = "".join(f"{name}: {value}\r\n" for name, value in self.trailers)
        return start + b"".join(parts) + b"0\r\n" + last.encode("latin-1") + b"\r\n"


def read(stream: BufferedReader, *, head_only: bool = False) -> Message | None:
    """Read a message; nothing when the connection ended before it."""
    line = stream.readline().decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    fields = _fields(stream)
    named = dict(fields)
    if head_only or BODILESS.match(line):
        return Message(line, fields)
    if "transfer-encoding" in named:
        body = b""
        while size := int(stream.readline(), 16):  # no number: the connection was cut
            body += stream.read(size)
            stream.readline()
        return Message(line, fields, body, _fields(stream))
    if "content-length" in named:
        return Message(line, fields, stream.read(int(named["content-length"])))
    return Message(line, fields, stream.read() if line.startswith("HTTP/") else b"")


def _fields(stream: BufferedReader) -> Fields:
    fields = []
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        fields.append((name.lower(), value.strip()))
    return fields


def exchange(address: str | tuple[str, int], request: bytes) -> Message | None:
    """Send a request and return its response; nothing when the connection was cut."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(30)
        connection.connect(address)
        connection.sendall(request)
        with connection.makefile("rb") as stream, suppress(ConnectionError, ValueError):
            return read(stream, head_only=request.startswith(b"HEAD "))
    return None


class Upstream:
    """A server that answers by `answer` and keeps what it was asked."""

    def __init__(self, answer: Callable[[Message], bytes]) -> None:
        self.received: list[Message] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def taken(self) -> list[Message]:
        """Return what was received since the last time."""
        received, self.received = self.received, []
        return received

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # Not a number: a request that was cut.
        broken = suppress(OSError, ValueError)
        with closing(connection), connection.makefile("rb") as stream, broken:
            while (request := read(stream)) is not None:
                self.received.append(request)
                connection.sendall(self._answer(request))
