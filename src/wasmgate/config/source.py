"""A YAML document with its lines and problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmgate.config.problems import Problem
    from wasmgate.origins import Key

__all__ = ["Source"]

# A shorter value occurs in unrelated words and cannot be a secret.
SHORTEST = 4


@dataclass
class Source:
    """A document: its data, the line of each path, and its problems as YAML."""

    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    first_lines: dict[Key, int] = field(default_factory=dict)
    """The first line of each literal block (`|`)."""
    expanded: dict[Key, tuple[str, str]] = field(default_factory=dict)
    """Texts with variables: as written, and expanded."""
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Key) -> int:
        """Return the line of a path, or of its nearest parent that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def masked(self, text: str) -> str:
        """Return a text in which expanded values are replaced by the variables of the file."""
        for written, value in self.expanded.values():
            if value and not written.startswith(value):
                text = text.replace(value, written) if len(value) >= SHORTEST else text
        return text
