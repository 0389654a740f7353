"""The response of one HTTP exchange as the app sends it, fed to a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate._asgi import broken
from wasmgate.errors import AsgiError
from wasmgate.messages import UNUSUAL, Count, canonical_head, part, trailers

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message
    from wasmgate._native import Effects, Stream

__all__ = ["AppResponse"]

_FIRST, _LAST = 100, 999  # statuses have three digits (RFC 9110 section 15)


class AppResponse:
    """Takes the app's messages, in any form that ASGI allows. Raises AsgiError for others."""

    __slots__ = ("_stream", "chunk", "count", "done", "fields", "started", "trailing")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.started = False
        """The head came."""
        self.trailing = False
        """The head announced trailers."""
        self.chunk: bytes | None = None
        """The part of the body that came last."""
        self.count = Count()
        """Its bytes."""
        self.fields: Fields = []
        """The trailers that came."""
        self.done = False
        """All of it came."""

    def feed(self, message: Message) -> tuple[Message, Effects | None]:
        """Feed a message; returns it in its usual form, and what policies ask."""
        match message.get("type"):
            case "http.response.start":
                return self._fed_head(message)
            case "http.response.body":
                return self._fed_body(message)
            case "http.response.trailers":
                return message, self._fed_trailers(message)
            case str():
                return message, None
            case unknown:
                raise broken("a message of the app: 'type'", "a str", unknown)

    def _fed_head(self, message: Message) -> tuple[Message, Effects | None]:
        if self.started:
            raise AsgiError("http.response.start came twice")
        try:
            effects = self._head(message)
        except UNUSUAL:
            message = canonical_head(message)
            effects = self._head(message)
        self.started = True
        return message, effects

    def _head(self, message: Message) -> Effects | None:
        trailing = message.get("trailers", False)
        status, headers = message["status"], message["headers"]
        if type(status) is bool or not _FIRST <= status <= _LAST or type(trailing) is not bool:
            raise TypeError("status or trailers")
        self.trailing = trailing
        return self._stream.on_response_headers(status, headers, end=False)

    def _fed_body(self, message: Message) -> tuple[Message, Effects | None]:
        if not self.started:
            raise AsgiError("http.response.body came before http.response.start")
        message = part(message)
        self.done = not (message.get("more_body", False) or self.trailing)
        self.chunk = message["body"]
        self.count.came += len(message["body"])
        return message, self._stream.on_response_body(self.chunk, self.done)

    def _fed_trailers(self, message: Message) -> Effects | None:
        """Gather trailers, and feed all of them with the last."""
        fields, more = trailers(message)
        self.fields += fields
        if more:
            return None
        self.done = True
        return self._stream.on_response_trailers(self.fields)
