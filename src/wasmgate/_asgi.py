"""ASGI's words and messages (asgi.readthedocs.io, HTTP & WebSocket protocol 2.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from wasmgate._native import Effects, RequestHead

__all__ = [
    "ASGIApp",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "measured",
    "rewritten",
    "target",
    "with_length",
]

_FRAMING = {b"content-length", b"transfer-encoding"}

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def target(scope: Scope) -> bytes:
    """Return path and query as the client sent them.

    A server that leaves out the optional `raw_path` makes its percent-encoding unknowable; then the
    decoded path is encoded again.
    """
    path: bytes | None = scope.get("raw_path")
    if path is None:
        from urllib.parse import quote  # noqa: PLC0415 (rare)

        path = quote(scope["path"], safe="/:@!$&'()*+,;=~-._").encode("ascii")
    query: bytes = scope.get("query_string") or b""
    return path + b"?" + query if query else path


def measured(
    headers: list[tuple[bytes, bytes]], body: bytes, *, end: bool
) -> list[tuple[bytes, bytes]]:
    """Return fields with the length of the body that goes on with them (RFC 9110 section 8.6).

    Without `end` it is a part of a body that a policy held back and may have changed: nobody knows
    how long the whole will be.
    """
    length = (b"content-length", b"%d" % len(body))
    if end and length in headers:
        return headers
    others = [field for field in headers if field[0].lower() not in _FRAMING]
    return [*others, length] if end else others


def rewritten(scope: Scope, head: RequestHead) -> Scope:
    """Return a copy of `scope` with the head that policies left."""
    path, _, query = head.target.partition(b"?")
    decoded = unquote_to_bytes(path) if b"%" in path else path
    headers, authority = head.headers, head.authority
    if authority:
        headers = [(b"host", authority), *headers]
    changed = dict(scope)
    changed["headers"] = headers
    changed["raw_path"] = path
    changed["path"] = decoded.decode("utf-8", "replace")
    changed["query_string"] = query
    if "method" in scope:
        changed["method"] = head.method
    return changed


def with_length(scope: Scope, effects: Effects) -> Scope:
    """Return a copy of `scope` that says how long the body is that goes on with the head."""
    end = effects.request_end
    headers = measured(list(scope["headers"]), effects.request_body or b"", end=end)
    if not end and scope.get("http_version", "1.1").startswith("1"):
        # Without either field there would be no body (RFC 9112 section 6.3).
        headers = [*headers, (b"transfer-encoding", b"chunked")]
    return {**scope, "headers": headers}
