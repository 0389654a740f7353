"""An upstream that keeps what it saw, and a reader of what came back."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

# Named by the gateways themselves, or about one connection only.
OWN = {
    b"via", b"connection", b"content-length", b"transfer-encoding", b"date", b"server", b"host",
    b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port",
    b"keep-alive", b"x-real-ip", b"forwarded",
}  # fmt: skip

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Message:
    """A request or a response without its framing and without the words of the gateways."""

    line: bytes
    fields: Fields
    body: bytes


async def read_message(
    reader: asyncio.StreamReader, *, bodiless: bool = False, response: bool = False
) -> Message:
    """Read a message that a gateway wrote. Raises ValueError when it is none."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *lines = head[:-4].split(b"\r\n")
    pairs = [
        (name.lower(), value.strip()) for name, _, value in (each.partition(b":") for each in lines)
    ]
    values = dict(pairs)
    body = b""
    bodiless = bodiless or (response and line.split(b" ")[1][:1] == b"1")
    if bodiless or (response and line.split(b" ")[1] in {b"204", b"304"}):
        pass
    elif values.get(b"transfer-encoding", b"").lower() == b"chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
    elif b"content-length" in values:
        body = await reader.readexactly(int(values[b"content-length"]))
    elif response:
        body = await reader.read()
    return Message(line, tuple(sorted(pair for pair in pairs if pair[0] not in OWN)), body)


@dataclass
class Recorder:
    """One upstream: answers every request with `response`."""

    response: bytes = b""
    seen: list[Message] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    async def start(self) -> int:
        """Listen; gives the port."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                try:
                    self.seen.append(await read_message(reader))
                except ValueError as error:
                    self.broken.append(repr(error))
                    break
                writer.write(self.response)
                if b"close" in self.response:
                    break
        writer.close()


async def replies(port: int, data: bytes, within: float) -> tuple[list[Message], str]:
    """Send bytes and read what comes back, and how it ended: "closed", "cut" or "open"."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    came: list[Message] = []
    method = data.lstrip(b"\r\n").split(b" ", 1)[0]
    try:
        async with asyncio.timeout(within):
            writer.write(data)
            while True:
                bodiless = method == b"HEAD" and not [r for r in came if b" 1" not in r.line[:10]]
                message = await read_message(reader, bodiless=bodiless, response=True)
                if not message.line.startswith(b"HTTP/1.1 1"):
                    came.append(message)
                if bodiless and message.line > b"HTTP/1.1 4":
                    await reader.read()  # some refuse HEAD with a body, some without
                    return came, "closed"
    except asyncio.IncompleteReadError as error:
        return came, "cut" if error.partial else "closed"
    except TimeoutError:
        return came, "open"
    except (ConnectionError, ValueError):
        return came, "closed"
    finally:
        writer.transport.abort()
