"""The origin of a policy in a gateway.yaml, for error messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasmgate.origins import key_path

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.config.yaml_source import Source
    from wasmgate.origins import Key

__all__ = ["FileOrigin"]


@dataclass(frozen=True)
class FileOrigin:
    """The place of a policy, or of a route's policy, in a file.

    The place does not count when policies are compared.
    """

    file: Path = field(compare=False)
    source: Source = field(compare=False, repr=False)
    at: Key = field(default=(), compare=False)
    in_python: bool = field(default=False, compare=False)

    def below(self, *keys: str | int) -> FileOrigin:
        """Return the place of a key below this one."""
        return FileOrigin(self.file, self.source, (*self.at, *keys))

    def place(self, path: Key, line: int | None = None) -> str:
        """Return "gateway.yaml:8: policies.auth.configuration.keys"."""
        full = (*self.at, *path)
        shown = self.source.line(full)
        first = self.source.first_lines.get((*self.at, *path[:1]))
        if line is not None and first is not None:
            shown = first + line - 1
        return f"{self.file}:{shown}: {key_path(full)}"

    def example(self, key: str) -> str:
        """Return the key with a mapping."""
        return f"{key}: {{ … }}"

    def masked(self, text: str) -> str:
        """Return a text in which expanded values are replaced by the variables of the file."""
        return self.source.masked(text)
