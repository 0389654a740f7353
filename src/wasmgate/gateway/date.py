"""`Date` on responses that an ASGI server sends (RFC 9110 section 6.6.1): one, whoever writes it.

Who has a clock and passes on a response without `Date` adds it. Most servers do that on their own,
some of them whatever is there already; which an app cannot see, but for uvicorn.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._asgi import Send
    from wasmgate.upstream import Fields

__all__ = ["dated", "server_dates"]


def server_dates(send: Send) -> bool | None:
    """Whether the server writes `Date` itself; None if that is not known."""
    server = getattr(send, "__self__", None)
    fields = getattr(server, "default_headers", None)
    if fields is None or not type(server).__module__.startswith("uvicorn."):
        return None
    return any(name.lower() == b"date" for name, _ in fields)


def dated(headers: Fields, by_server: bool | None) -> Fields:  # noqa: FBT001 (see server_dates)
    """Return the fields of a response with `Date`, or without where the server writes it."""
    if by_server is None:
        return headers
    there = any(name == b"date" for name, _ in headers)
    if by_server:
        return [field for field in headers if field[0] != b"date"] if there else headers
    return headers if there else [*headers, (b"date", _written(int(time.time())))]


@lru_cache(maxsize=1)
def _written(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
