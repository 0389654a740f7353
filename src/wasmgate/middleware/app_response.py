"""The response of an app, fed to a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate._asgi import broken
from wasmgate.errors import AsgiError
from wasmgate.messages import UNUSUAL, canonical_head, kind_of, part, trailers

if TYPE_CHECKING:
    from wasmgate._asgi import Message
    from wasmgate._native import Effects

__all__ = ["AppResponse"]

_FIRST, _LAST = 100, 999  # statuses have three digits (RFC 9110 section 15)


class AppResponse(_native.AppResponse):
    """Feeds the app's messages to a stream. Raises AsgiError for messages that ASGI does not allow.

    `feed_usual` feeds those in their usual form, `feed` those in any form. `count` counts the bytes
    of the body, if it is set: the declared length must be kept true.
    """

    __slots__ = ()

    def feed(self, message: Message) -> tuple[Message, Effects | None]:
        """Feed a message; return it in its usual form, and the effects of the policies."""
        kind = kind_of(message)
        if kind == "http.response.body":
            return self._fed_body(message)
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
        self.head_unchanged = effects is None
        return message, effects

    def _head(self, message: Message) -> Effects | None:
        trailing = message.get("trailers", False)
        status, headers = message["status"], message["headers"]
        if type(status) is bool or not _FIRST <= status <= _LAST or type(trailing) is not bool:
            raise TypeError("status or trailers")
        self.trailing = trailing
        return self.stream.on_response_headers(status, headers, end=False)

    def _fed_body(self, message: Message) -> tuple[Message, Effects | None]:
        if not self.started:
            raise AsgiError("http.response.body came before http.response.start")
        if self.ended:
            raise AsgiError("http.response.body came after its last part")
        message = part(message)
        body, more = message.get("body", b""), message.get("more_body", False)
        self.ended = not more
        self.done = last = not (more or self.trailing)
        self.chunk = body
        if self.count is not None:
            self.count.came += len(body)
        effects = self.stream.on_response_body(body, last)
        if effects is None and not more:
            self.body_unchanged = True
        return message, effects

    def _fed_trailers(self, message: Message) -> Effects | None:
        """Collect trailers, and feed them with the last message."""
        if not self.trailing:
            raise AsgiError("http.response.trailers came, and http.response.start announced none")
        if not self.ended:
            raise AsgiError("http.response.trailers came before the end of the body")
        fields, more = trailers(message)
        self.fields = [*(self.fields or ()), *fields]
        if more:
            return None
        self.done = True
        return self.stream.on_response_trailers(self.fields)
