"""The response of an app, fed to a stream."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from wasmgate._asgi import broken
from wasmgate.errors import AsgiError
from wasmgate.messages import UNUSUAL, canonical_head, kind_of, part, trailers

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message
    from wasmgate._native import Effects, Stream
    from wasmgate.messages import Count

__all__ = ["AppResponse", "Unchanged"]

_FIRST, _LAST = 100, 999  # statuses have three digits (RFC 9110 section 15)


class Unchanged(Enum):
    """How far the app's response was forwarded unchanged."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    """To the last part of the body; trailers may follow."""


_NOTHING, _HEAD, _BODY = Unchanged
_OUT_OF_ORDER = {
    False: "http.response.body came before http.response.start",
    True: "http.response.body came after its last part",
}


class AppResponse:
    """Feeds the app's messages to a stream. Raises AsgiError for messages that ASGI does not allow.

    `count` counts the bytes of the body, if it is set: the declared length must be kept true.
    """

    __slots__ = (
        "_ended",
        "_stream",
        "chunk",
        "count",
        "done",
        "fields",
        "started",
        "trailing",
        "unchanged",
    )

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ended = False  # the last part of the body was sent; declared trailers may follow
        self.count: Count | None = None
        self.started = False
        """Whether the app sent the head."""
        self.trailing = False
        """Whether the head declares trailers."""
        self.chunk: bytes | None = None
        """The last part of the body."""
        self.fields: Fields | None = None
        """The trailers so far."""
        self.done = False
        """Whether the app sent the whole response."""
        self.unchanged = _NOTHING

    def feed(self, message: Message) -> tuple[Message, Effects | None]:
        """Feed a message; return it in its usual form, and the effects of the policies."""
        kind = message.get("type") if type(message) is dict else kind_of(message)
        if kind == "http.response.body":
            if self._ended or not self.started:
                raise AsgiError(_OUT_OF_ORDER[self.started])
            body, more = message.get("body"), message.get("more_body", False)
            if type(body) is not bytes or type(more) is not bool:
                message = part(message)
                body, more = message["body"], message.get("more_body", False)
            self._ended = not more
            self.done = last = not (more or self.trailing)
            self.chunk = body
            if self.count is not None:
                self.count.came += len(body)
            effects = self._stream.on_response_body(body, last)
            if effects is None and not more:
                self.unchanged = _BODY
            return message, effects
        if kind == "http.response.start":
            return self._fed_head(message)
        if kind == "http.response.trailers":
            return message, self._fed_trailers(message)
        if not isinstance(kind, str):
            raise broken("a message of the app: 'type'", "a str", kind)
        return message, None

    def _fed_head(self, message: Message) -> tuple[Message, Effects | None]:
        if self.started:
            raise AsgiError("http.response.start came twice")
        try:
            effects = self._head(message)
        except UNUSUAL:
            message = canonical_head(message)
            effects = self._head(message)
        self.started = True
        if effects is None:
            self.unchanged = _HEAD
        return message, effects

    def _head(self, message: Message) -> Effects | None:
        trailing = message.get("trailers", False)
        status, headers = message["status"], message["headers"]
        if type(status) is bool or not _FIRST <= status <= _LAST or type(trailing) is not bool:
            raise TypeError("status or trailers")
        self.trailing = trailing
        return self._stream.on_response_headers(status, headers, end=False)

    def _fed_trailers(self, message: Message) -> Effects | None:
        """Collect trailers, and feed them with the last message."""
        if not self.trailing:
            raise AsgiError("http.response.trailers came, and http.response.start announced none")
        if not self._ended:
            raise AsgiError("http.response.trailers came before the end of the body")
        fields, more = trailers(message)
        self.fields = [*(self.fields or ()), *fields]
        if more:
            return None
        self.done = True
        return self._stream.on_response_trailers(self.fields)
