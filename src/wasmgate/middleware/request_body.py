"""The body of one HTTP request on its way through a stream to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.messages import Count

if TYPE_CHECKING:
    from wasmgate._asgi import Message
    from wasmgate._native import Effects, Stream

__all__ = ["RequestBody"]


class RequestBody:
    """What came of it from the server, and what of it went to the app."""

    __slots__ = ("_announced", "_chunk", "_count", "came", "given", "next", "replaced")

    def __init__(self, *, follows: bool) -> None:
        self._chunk: bytes | None = None  # the part that came last
        self._count = Count()  # of what policies let go
        self._announced: Count | None = None  # what the app was given, against what it was told
        self.came = not follows
        """All of it came from the server."""
        self.given = not follows
        """All of it went to the app."""
        self.replaced = False
        """A message of the server was taken while policies held the head."""
        self.next: Message | None = None
        """What policies let go and the app has not asked for."""

    @property
    def held(self) -> bool:
        """Whether all of it came, and policies hold back a part."""
        return self.came and not self.given

    @property
    def changed(self) -> bool:
        """Whether policies let go something else than what came."""
        return self._count.changed

    def announce(self, length: int | None) -> None:
        """Note the length in bytes that the app was told."""
        self._announced = None if length is None else Count()
        if self._announced is not None:
            self._announced.expected = length

    def misfit(self, message: Message) -> Count | None:
        """Count a message for the app; returns the count if it breaks the announced length."""
        announced = self._announced
        if announced is None:
            return None
        announced.changed = self._count.changed
        body, end = message.get("body", b""), not message.get("more_body", False)
        return None if announced.fits(body, end=end) else announced

    def feed(self, stream: Stream, message: Message) -> Effects | None:
        """Feed a message of the server; None: it goes on as it is."""
        self.came = not message.get("more_body", False)
        self._chunk = chunk = message["body"]
        self._count.came += len(chunk)
        return stream.on_request_body(chunk, self.came)

    def passed(self, message: Message) -> None:
        """Note that a message goes to the app as it came."""
        body = message["body"]
        self._count.compare(body, body)
        self._count.passed += len(body)
        self.given = self.came

    def take(self) -> Message | None:
        """Return what policies let go, for the app, and whether it is the end."""
        message, self.next = self.next, None
        if message is not None:
            self.given = not message.get("more_body", False)
        return message

    def give_back(self, message: Message) -> None:
        """Keep a message that was taken, for the app to ask for it later."""
        self.next, self.given = message, False

    def begin(self, effects: Effects) -> None:
        """Take what goes on with the head."""
        if self.replaced or not self.given:
            self.given = False
            self.keep(effects)

    def keep(self, effects: Effects) -> None:
        """Keep what policies let go until the app asks for it."""
        body = effects.request_body
        if body is None and not effects.request_end:
            return
        body = body or b""
        self._count.compare(body, self._chunk)
        self._count.passed += len(body)
        if self.next is not None:
            body = self.next.get("body", b"") + body
        self.next = {"type": "http.request", "body": body, "more_body": not effects.request_end}
