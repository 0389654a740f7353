"""The app behind the gateway: it answers with what reached it, as JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

__all__ = ["orders"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


async def orders(scope: Message, receive: Receive, send: Send) -> None:
    """Answer every request with its method and target, its user, and its tier."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    headers = dict(scope["headers"])
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    seen = {
        "method": scope["method"],
        "target": target.decode("latin-1"),
        "user": headers.get(b"x-auth-user", b"").decode("latin-1"),
        "tier": headers.get(b"x-tier", b"").decode("latin-1"),
    }
    body = json.dumps(seen).encode()
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
