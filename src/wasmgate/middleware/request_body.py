"""Passes the body of one HTTP request through a stream to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.messages import Count

if TYPE_CHECKING:
    from wasmgate._asgi import Message
    from wasmgate._native import Effects, Stream

__all__ = ["RequestBody"]


class RequestBody:
    """The parts that the server sent, and the parts that the app got."""

    __slots__ = ("_announced", "_chunk", "_count", "came", "given", "next", "replaced")

    def __init__(self, *, follows: bool) -> None:
        self._chunk: bytes | None = None  # the last part of the server
        self._count = Count()  # of the bytes that passed the policies
        self._announced: Count | None = None  # of the bytes for the app, if its head has a length
        self.came = not follows
        """Whether the server sent the whole body."""
        self.given = not follows
        """Whether the app got the whole body."""
        self.replaced = False
        """Whether a message of the server was read while a policy paused the head."""
        self.next: Message | None = None
        """The part that passed the policies and was not read by the app."""

    @property
    def held(self) -> bool:
        """Whether the server sent the whole body and policies pause a part of it."""
        return self.came and not self.given

    @property
    def changed(self) -> bool:
        """Whether a policy changed the body."""
        return self._count.changed

    def announce(self, length: int | None) -> None:
        """Store the length in bytes that the app's head declares."""
        self._announced = None if length is None else Count()
        if self._announced is not None:
            self._announced.expected = length

    def misfit(self, message: Message) -> Count | None:
        """Count a message for the app; return the count if it contradicts the declared length."""
        announced = self._announced
        if announced is None:
            return None
        announced.changed = self._count.changed
        body, end = message.get("body", b""), not message.get("more_body", False)
        return None if announced.fits(body, end=end) else announced

    def feed(self, stream: Stream, message: Message) -> Effects | None:
        """Feed a message of the server; None: it is forwarded unchanged."""
        self.came = not message.get("more_body", False)
        self._chunk = chunk = message["body"]
        self._count.came += len(chunk)
        return stream.on_request_body(chunk, self.came)

    def passed(self, message: Message) -> None:
        """Count a message that is forwarded to the app unchanged."""
        body = message["body"]
        self._count.compare(body, body)
        self._count.passed += len(body)
        self.given = self.came

    def take(self) -> Message | None:
        """Return the part for the app, and whether it is the last one."""
        message, self.next = self.next, None
        if message is not None:
            self.given = not message.get("more_body", False)
        return message

    def give_back(self, message: Message) -> None:
        """Keep a message of the server until the app reads it."""
        self.next, self.given = message, False

    def begin(self, effects: Effects) -> None:
        """Add the part that is forwarded with the head."""
        if self.replaced or not self.given:
            self.given = False
            self.keep(effects)

    def keep(self, effects: Effects) -> None:
        """Keep the part that passed the policies until the app reads it."""
        body = effects.request_body
        if body is None and not effects.request_end:
            return
        body = body or b""
        self._count.compare(body, self._chunk)
        self._count.passed += len(body)
        if self.next is not None:
            body = self.next.get("body", b"") + body
        self.next = {"type": "http.request", "body": body, "more_body": not effects.request_end}
