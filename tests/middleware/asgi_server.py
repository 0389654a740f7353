"""The server's side of one ASGI connection, driven by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate._asgi import ASGIApp, Message

Fields = list[tuple[bytes, bytes]]
HOST: Fields = [(b"host", b"gate.test")]
DISCONNECT: Message = {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = False) -> Message:
    """Make a part of a request's body."""
    return {"type": "http.request", "body": body, "more_body": more}


def http_scope(
    method: str = "GET",
    target: str = "/",
    headers: Fields | None = None,
    **more: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Make the scope of a request as servers do; HTTP/1.1 has a Host."""
    path, _, query = target.partition("?")
    fields = list(headers or ())
    if not any(name.lower() == b"host" for name, _ in fields):
        fields = [*HOST, *fields]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": fields,
        "client": ("192.0.2.1", 4711),
        "server": ("127.0.0.1", 80),
        **more,
    }


class Connection:
    """Runs an app; gives it what the test says, and keeps what it sends."""

    def __init__(self, app: ASGIApp, scope: dict[str, Any], *messages: Message) -> None:
        self.sent: list[Message] = []
        self.task: asyncio.Future[None] = asyncio.ensure_future(
            app(scope, self._receive, self._send)
        )
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._changed = asyncio.Condition()
        for message in messages:
            self.give(message)

    def give(self, message: Message) -> None:
        """Let the app receive a message."""
        self._messages.put_nowait(message)

    async def _receive(self) -> Message:
        return await self._messages.get()

    async def _send(self, message: Message) -> None:
        async with self._changed:
            self.sent.append(message)
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool], within: float = 10) -> None:
        """Wait for a condition on what was sent."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), within)

    async def done(self) -> Connection:
        """Wait until the app returned, and raise what it raised."""
        await asyncio.wait_for(self.task, 10)
        return self

    @property
    def start(self) -> Message:
        """The head of the response."""
        return self.sent[0]

    @property
    def status(self) -> int:
        """The status of the response."""
        status: int = self.start["status"]
        return status

    @property
    def body(self) -> bytes:
        """The body so far."""
        parts = [m.get("body", b"") for m in self.sent if m["type"].endswith("response.body")]
        return b"".join(parts)

    @property
    def complete(self) -> bool:
        """The last part of the body was sent."""
        last = self.sent[-1] if self.sent else {}
        return last.get("type") == "http.response.body" and not last.get("more_body", False)


async def get(
    app: ASGIApp, target: str = "/", headers: Fields | None = None, address: str = "192.0.2.1"
) -> Connection:
    """Send a request without a body from an address and wait for its end."""
    scope = http_scope(target=target, headers=headers, client=(address, 4711))
    return await Connection(app, scope, part(b"")).done()


async def post(app: ASGIApp, *chunks: bytes, target: str = "/") -> Connection:
    """Send a request with a body and wait for its end."""
    length = sum(map(len, chunks))
    scope = http_scope("POST", target, [*HOST, (b"content-length", b"%d" % length)])
    messages = [part(chunk, more=True) for chunk in chunks[:-1]] + [part(chunks[-1])]
    return await Connection(app, scope, *messages).done()
