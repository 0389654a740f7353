"""The cache of compiled modules: only the first start of a policy compiles it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> str:
    """Return $WASMGATE_CACHE, or `wasmgate/artifacts` in the user's cache folder.

    Artifacts are native code: the host uses the folder only if it belongs to this user and no other
    user can write to it; otherwise it compiles each time.
    """
    chosen = os.environ.get("WASMGATE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return chosen or str(Path(base) / "wasmgate" / "artifacts")
