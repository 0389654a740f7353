"""Where compiled modules are kept, so that only the first start of a policy has to compile it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> str:
    """Return $WASMGATE_CACHE, or `wasmgate/artifacts` in the user's cache folder.

    Artifacts are native code: the host uses the folder only when it belongs to this user and no one
    else may write to it, and compiles afresh otherwise.
    """
    chosen = os.environ.get("WASMGATE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return chosen or str(Path(base) / "wasmgate" / "artifacts")
