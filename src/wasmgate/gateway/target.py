"""The target of a request to a gateway that is mounted below a path."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from wasmgate._asgi import target

if TYPE_CHECKING:
    from wasmgate._asgi import Scope

__all__ = ["target_below_mount"]


def target_below_mount(scope: Scope) -> bytes:
    """Return path and query as the client sent them, without the path of the mount.

    `root_path` is decoded, the target is not, so `/%61pi/x` is `/x` below `/api`. What is not below
    the mount is returned whole.
    """
    whole = target(scope)
    root = scope.get("root_path", "").rstrip("/").encode()
    if not root:
        return whole
    path, mark, query = whole.partition(b"?")
    rest = path[len(root) :] if path.startswith(root) else _rest(path, root)
    if rest is None or not (rest == b"" or rest.startswith(b"/")):
        return whole
    return (rest or b"/") + mark + query


def _rest(path: bytes, root: bytes) -> bytes | None:
    """Cut off as much of `path` as decodes to `root`."""
    length = len(root)
    for end in range(length, min(len(path), 3 * length) + 1):
        if unquote_to_bytes(path[:end]) == root:
            return path[end:]
    return None
