"""The gateway called as a server calls it, without one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._asgi import Message
    from wasmgate.gateway import Gateway

HTTP: Mapping[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "headers": [(b"host", b"gate.test")],
    "client": ("192.0.2.7", 50_000),
    "server": ("192.0.2.1", 80),
}


async def call(gateway: Gateway, incoming: Sequence[Message], **changes: object) -> list[Message]:
    """Call the app as a server would; gives what it sent."""
    messages = iter(incoming)
    sent: list[Message] = []

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await gateway({**HTTP, **changes}, receive, send)
    return sent
