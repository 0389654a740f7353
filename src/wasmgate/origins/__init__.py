"""Where a policy is written, so that its errors name the place: in Python here, else a file.

origin.place(("configuration", "limit"))    "rate_limit(limit=…)" or "gateway.yaml:8: policies…"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wasmgate.origins.paths import Key, key_path

__all__ = ["Arguments", "Key", "Origin", "key_path"]


class Origin(Protocol):
    """What knows where a policy is written."""

    @property
    def in_python(self) -> bool:
        """Whether a person mends it in Python; else in YAML."""

    def place(self, path: Key, line: int | None = None) -> str:
        """Return where a key stands, such as ("limits", "memory").

        Of a text that is all of the configuration `line` is the one that is meant, from 1.
        """

    def masked(self, text: str) -> str:
        """Return a text without what may not be repeated."""


@dataclass(frozen=True)
class Arguments:
    """A call in Python, such as `Policy('own.wasm', …)` or `rate_limit(…)`."""

    function: str
    configured_by: str = ""
    """The argument that is the whole configuration; without it each key is an argument."""
    in_python: bool = True

    def place(self, path: Key, line: int | None = None) -> str:
        """Return the call with the argument, and the key in what is given for it."""
        del line  # the person has the text before them
        if path[:1] == ("configuration",) and not self.configured_by:
            path = path[1:]
        if not path:
            return f"{self.function}(…)"
        below = path[1:] if path[0] == self.configured_by else path
        call = f"{self.function}({path[0]}=…)"
        return f"{call}: {key_path(below)}" if len(path) > 1 else call

    def masked(self, text: str) -> str:
        """Return the text: nothing came from elsewhere."""
        return text
