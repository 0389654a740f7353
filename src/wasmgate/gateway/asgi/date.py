"""`Date` on responses that an ASGI server sends (RFC 9110 section 6.6.1): exactly one.

An intermediary with a clock adds `Date` to a response without one. Most servers do that on their
own, some of them whatever is there already; which an app cannot see, but for uvicorn.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate._asgi import Send
    from wasmgate.upstream import Fields

__all__ = ["dated"]


def dated(headers: Fields, send: Send) -> Fields:
    """Return the fields of a response for a server's `send`: with `Date`, or without it.

    Without where the server writes it; as they are where that is not known.
    """
    server = getattr(send, "__self__", None)
    fields = getattr(server, "default_headers", None)
    if fields is None or not _is_of_uvicorn(type(server).__module__):
        return headers
    there = _has(headers)
    # uvicorn makes its list once a second, with names in lower case.
    if _has(fields):
        return [field for field in headers if field[0] != b"date"] if there else headers
    return headers if there else [*headers, (b"date", _written(int(time.time())))]


def _has(fields: Fields) -> bool:
    for name, _ in fields:  # noqa: SIM110 (a third of what `any` takes, with each response)
        if name == b"date":
            return True
    return False


def _is_of_uvicorn(module: str) -> bool:
    return module.startswith("uvicorn.")


@lru_cache(maxsize=1)
def _written(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
