"""The messages of one HTTP exchange: any form that ASGI allows, in its usual one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate._asgi import binary, broken, fields

if TYPE_CHECKING:
    from wasmgate._asgi import Fields, Message

__all__ = ["DISCONNECT", "UNUSUAL", "Count", "canonical_head", "measured", "part", "trailers"]

DISCONNECT: Message = {"type": "http.disconnect"}

UNUSUAL = (TypeError, ValueError, OverflowError, LookupError)
"""What the native side raises for a head that is not in its usual form."""

_FRAMING = {b"content-length", b"transfer-encoding"}


def part(message: Message) -> Message:
    """Return a message whose `body`, if it has one, is bytes. Raises AsgiError."""
    if not isinstance(where := message.get("type"), str):
        raise broken("a message: 'type'", "a str", where)
    if type(message.get("body", b"")) is bytes and type(message.get("more_body", False)) is bool:
        return message
    more = message.get("more_body", False)
    if not isinstance(more, bool):
        raise broken(f"{where}: 'more_body'", "a bool", more)
    return {**message, "body": binary(f"{where}: 'body'", message.get("body", b""))}


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
    """Return fields with the length of the body that goes on with them (RFC 9110 section 8.6).

    Without `end` it is a part of a body that a policy held back and may have changed: nobody knows
    how long the whole will be.
    """
    length = (b"content-length", b"%d" % len(body))
    if end and length in headers:
        return headers
    others = [field for field in headers if field[0].lower() not in _FRAMING]
    return [*others, length] if end else others


class Count:
    """A body against the length that was announced for it."""

    __slots__ = ("_changed", "_expected", "passed")

    def __init__(self, expected: int | None) -> None:
        self._expected = expected
        self._changed = False
        self.passed = 0

    def __repr__(self) -> str:
        return f"{self.passed} bytes instead of {self._expected}"

    def fits(self, body: bytes, *, end: bool, changed: bool = False) -> bool:
        """Count what goes on; False when policies made it more, or in the end less, than announced.

        A body that no policy changed is for others to judge.
        """
        self.passed += len(body)
        self._changed |= changed
        expected = self._expected
        if expected is None or not self._changed:
            return True
        return self.passed == expected if end else self.passed <= expected
