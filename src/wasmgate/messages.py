"""Brings the messages of one HTTP exchange from any form that ASGI allows to the usual one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate._asgi import binary, broken, fields

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message

__all__ = [
    "DISCONNECT",
    "UNUSUAL",
    "Count",
    "canonical_head",
    "kind_of",
    "measured",
    "part",
    "request_part",
    "trailers",
]

DISCONNECT: Message = {"type": "http.disconnect"}

UNUSUAL = (TypeError, ValueError, OverflowError, LookupError)
"""Errors of the extension for a head that is not in its usual form."""

_PARTS = {"http.request", "http.response.body"}
_OF_REQUESTS = {"http.request", "http.disconnect"}
_FRAMING = {b"content-length", b"transfer-encoding"}


def kind_of(message: Message) -> object:
    """Return the type of a message, None without one. Raises AsgiError if it is not a dict."""
    try:
        return message.get("type")
    except AttributeError:
        raise broken("a message", "a dict", message) from None


def part(message: Message) -> Message:
    """Return a message with its `body`, if it has one, as bytes. Raises AsgiError."""
    if not isinstance(where := kind_of(message), str):
        raise broken("a message: 'type'", "a str", where)
    if where not in _PARTS:
        return message
    if type(message.get("body")) is bytes and type(message.get("more_body", False)) is bool:
        return message
    flag(message, "more_body")
    # Set also if it was left out: granian requires it.
    return {**message, "body": binary(f"{where}: 'body'", message.get("body", b""))}


def request_part(message: Message) -> Message:
    """Return a message of the server's about a request, with bytes as its body.

    Raises AsgiError for one that a server does not send to an app that forwards all of it.
    """
    message = part(message)
    if message["type"] not in _OF_REQUESTS:
        expected = "'http.request' or 'http.disconnect'"
        raise broken("a message of the server: 'type'", expected, message["type"])
    return message


def canonical_head(message: Message) -> Message:
    """Return the head of a response in its usual form. Raises AsgiError."""
    where = message["type"]
    status = message.get("status")
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 999:  # noqa: PLR2004 (RFC 9110 section 15)
        raise broken(f"{where}: 'status'", "an int of three digits", status)
    its = fields(f"{where}: 'headers'", message.get("headers", ()))
    return {**message, "status": int(status), "headers": its, "trailers": flag(message, "trailers")}


def flag(message: Message, key: str) -> bool:
    """Return an optional flag, False by default. Raises AsgiError."""
    value = message.get(key, False)
    if not isinstance(value, bool):
        raise broken(f"{message['type']}: '{key}'", "a bool", value)
    return value


def trailers(message: Message) -> tuple[Fields, bool]:
    """Return the fields of a message of trailers, and whether more messages follow."""
    its = fields(f"{message['type']}: 'headers'", message.get("headers", ()))
    return its, flag(message, "more_trailers")


def measured(headers: Fields, body: bytes, *, end: bool) -> Fields:
    """Return fields with the length of the body that follows them (RFC 9110 section 8.6).

    Without `end` the body is a part of a buffered body that a policy may have changed, so its
    length is unknown.
    """
    length = (b"content-length", b"%d" % len(body))
    if end and length in headers:
        return headers
    others = [field for field in headers if field[0].lower() not in _FRAMING]
    return [*others, length] if end else others


class Count:
    """Compares a body with its declared length.

    `came` counts the bytes before the policies, `passed` those after them.
    """

    __slots__ = ("came", "changed", "expected", "passed")

    def __init__(self) -> None:
        self.expected: int | None = None
        self.came = 0
        self.passed = 0
        self.changed = False
        """Whether a policy changed the body."""

    def __repr__(self) -> str:
        return f"{self.passed} bytes instead of {self.expected}"

    def compare(self, body: bytes, chunk: bytes | None) -> None:
        """Compare the bytes after the policies with the part before them in one step."""
        same = body is chunk or not (body or chunk)
        self.changed |= not same or self.passed + len(body) != self.came

    def fits(self, body: bytes, *, end: bool) -> bool:
        """Count forwarded bytes; False if policies made the body contradict its declared length.

        A body that no policy changed is not checked.
        """
        self.passed += len(body)
        expected = self.expected
        if expected is None or not self.changed:
            return True
        return self.passed == expected if end else self.passed <= expected
