"""Types of ASGI (asgi.readthedocs.io, HTTP & WebSocket protocol 2.5), and errors of its rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from wasmgate.errors import AsgiError, ConfigError

__all__ = [
    "ASGIApp",
    "Fields",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "binary",
    "broken",
    "fail_startup",
    "fields",
    "problem",
    "require_asyncio",
]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Fields: TypeAlias = list[tuple[bytes, bytes]]

_SHOWN = 60  # characters of a value
_PLAIN = (str, int, float, bool, type(None), list, tuple)


def broken(field: str, expected: str, came: object, *, secret: bool = False) -> AsgiError:
    """Make the error for a field of a scope or a message; a `secret` value is not shown."""
    kind = type(came).__name__
    if secret or not isinstance(came, _PLAIN):
        shown = kind
    else:
        text = repr(came)
        shown = f"{text if len(text) <= _SHOWN else text[:_SHOWN] + '...'} ({kind})"
    return AsgiError(f"{field} must be {expected}, not {shown}")


def binary(field: str, value: object) -> bytes:
    """Return a bytes-like object, such as a bytearray or a memoryview, as bytes."""
    if isinstance(value, bytes):
        return bytes(value)
    try:
        return memoryview(value).tobytes()  # type: ignore[arg-type] # that is the question
    except TypeError:
        raise broken(field, "bytes", value, secret=True) from None


def fields(where: str, value: object) -> Fields:
    """Return header fields, an iterable of two-item iterables of bytes, as a list of pairs.

    `where` names them in errors, which show a field's name but no value.
    """
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise broken(where, "an iterable of [name, value]", value, secret=True)
    pairs = []
    for number, field in enumerate(value):
        place = f"{where}[{number}]"
        if isinstance(field, (str, bytes)) or not hasattr(field, "__iter__"):
            raise broken(place, "[name, value]", field, secret=True)
        pair = list(field)
        if len(pair) != 2:  # noqa: PLR2004 (a pair)
            raise AsgiError(f"{place} must be [name, value], not {len(pair)} items")
        name = binary(f"{place}: the name", pair[0])
        if not name or name.startswith(b":"):
            raise AsgiError(f"{place}: {name!r} is the name of no header field")
        pairs.append((name, binary(f"{place}: the value of {name!r}", pair[1])))
    return pairs


def problem(status: int, title: str, detail: str) -> tuple[int, Fields, bytes]:
    """Return a problem details response (RFC 9457) as status, fields and body."""
    body = f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}'
    return status, [(b"content-type", b"application/problem+json")], body.encode()


def require_asyncio() -> asyncio.AbstractEventLoop:
    """Return the running loop. Raises ConfigError under another library than asyncio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError(
            "wasmgate runs on asyncio, and another library (trio?) runs this server",
            hint="start the server with its asyncio worker: `hypercorn -k asyncio`, "
            'TestClient(backend="asyncio")',
        ) from None


async def fail_startup(receive: Receive, send: Send, error: ConfigError) -> None:
    """Send `lifespan.startup.failed` with a message."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": error.diagnostics()})
    raise error
