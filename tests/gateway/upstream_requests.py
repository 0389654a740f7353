"""Requests for the upstream client's tests, and how to read a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate.upstream import Transaction


@dataclass(frozen=True, kw_only=True)
class Request:
    """An `UpstreamRequest`; `length` None makes it chunked."""

    endpoint: str
    method: str = "GET"
    target: bytes = b"/"
    fields: tuple[tuple[bytes, bytes], ...] = ()
    length: int | None = 0

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields, with host and framing."""
        framing: list[tuple[bytes, bytes]] = []
        if self.length is None:
            framing = [(b"transfer-encoding", b"chunked")]
        elif self.length:
            framing = [(b"content-length", b"%d" % self.length)]
        return [(b"host", b"upstream.test"), *self.fields, *framing]

    @property
    def head(self) -> bytes:
        """The head on the wire."""
        lines = [b"%b: %b\r\n" % field for field in self.headers]
        line = b"%b %b HTTP/1.1\r\n" % (self.method.encode(), self.target)
        return b"".join([line, *lines, b"\r\n"])


async def read_body(transaction: Transaction) -> bytes:
    """Read a response to its end."""
    await transaction.response()
    chunks: list[bytes] = []
    while chunk := await transaction.receive():
        chunks.append(chunk)
    return b"".join(chunks)
