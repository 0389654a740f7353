"""A YAML document as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmgate.config.problems import Problem
    from wasmgate.origins import Key

__all__ = ["Source"]

# A shorter value would be found in words that have nothing to do with it, and hides nothing.
SHORTEST = 4


@dataclass
class Source:
    """A document: its data, the line of each path in it, and what was wrong with it as YAML."""

    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    first_lines: dict[Key, int] = field(default_factory=dict)
    """Where a text in lines of its own (`|`) begins."""
    expanded: dict[Key, tuple[str, str]] = field(default_factory=dict)
    """Texts with variables: as they are written, and with their values."""
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Key) -> int:
        """Return the line of a path, or of the nearest one above it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def masked(self, text: str) -> str:
        """Return a text in which values of variables are as the file has them."""
        for written, value in self.expanded.values():
            if value and not written.startswith(value):
                text = text.replace(value, written) if len(value) >= SHORTEST else text
        return text
