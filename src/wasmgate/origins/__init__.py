"""The origin of a policy, which its errors name: a call in Python or a command (here), or a file.

origin.place(("configuration", "limit"))    "rate_limit(limit=…)" or "gateway.yaml:8: policies…"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wasmgate.origins.paths import Key, key_path

__all__ = ["Arguments", "Key", "Options", "Origin", "key_path"]


class Origin(Protocol):
    """Finds the place of a key of a policy."""

    @property
    def in_python(self) -> bool:
        """Whether the policy is written in Python; else in YAML."""

    def place(self, path: Key, line: int | None = None) -> str:
        """Return the place of a key, such as ("limits", "memory").

        `line`, from 1, is a line of a configuration that is one text.
        """

    def example(self, key: str) -> str:
        """Return how a configuration is written: "configuration={…}"."""

    def masked(self, text: str) -> str:
        """Return a text with secrets masked."""


@dataclass(frozen=True)
class Arguments:
    """A call in Python, such as `Policy('own.wasm', …)` or `rate_limit(…)`."""

    function: str
    configured_by: str = ""
    """The argument with the whole configuration; None: each key is an argument."""
    in_python: bool = True

    def place(self, path: Key, line: int | None = None) -> str:
        """Return the call with the argument, and the key in its value."""
        del line  # the source code is not read
        if path[:1] == ("configuration",) and not self.configured_by:
            path = path[1:]
        if not path:
            return f"{self.function}(…)"
        below = path[1:] if path[0] == self.configured_by else path
        call = f"{self.function}({path[0]}=…)"
        return f"{call}: {key_path(below)}" if len(path) > 1 else call

    def example(self, key: str) -> str:
        """Return the argument with a dict."""
        return f"{key}={{…}}"

    def masked(self, text: str) -> str:
        """Return the text unchanged: Python code has no variables of gateway.yaml."""
        return text


@dataclass(frozen=True)
class Options:
    """The options of a command that runs one module, such as `wasmgate trace`."""

    configuration: str | None = None
    """The file with the whole configuration."""
    in_python: bool = False

    def place(self, path: Key, line: int | None = None) -> str:
        """Return the option, or the file with the line and the key."""
        option, below = str(path[0]) if path else "configuration", path[1:]
        if option == "configuration" and self.configuration is not None:
            where = self.configuration if line is None else f"{self.configuration}:{line}"
        else:
            where = f"--{_OPTIONS.get(option, option)}"
        return f"{where}: {key_path(below)}" if below else where

    def example(self, key: str) -> str:
        """Return the option with a file."""
        return f"--{_OPTIONS.get(key, key)} FILE"

    def masked(self, text: str) -> str:
        """Return the text unchanged: a file of a configuration has no variables of gateway.yaml."""
        return text


_OPTIONS = {"capabilities": "capability"}
