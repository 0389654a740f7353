"""Constructs plain data from the nodes of a YAML document, with the line of each key.

Aliases, merge keys and variables are expanded and counted: a document cannot become larger than
`MAX_NODES` values and `MAX_TEXT` characters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import yaml

from wasmgate.config.problems import Problem
from wasmgate.config.variables import Unexpanded, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wasmgate.config.source import Source
    from wasmgate.config.yaml_loader import Loader
    from wasmgate.origins import Key

__all__ = ["MAX_NODES", "MAX_TEXT", "Construction", "TooLarge"]

# A gateway.yaml of a thousand routes has about 20,000.
MAX_NODES = 100_000
# Four times the size of the largest file.
MAX_TEXT = 16 * 1024 * 1024

_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, Callable[[str], Any]] = {
    f"{_TAG}str": str,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}int": lambda text: int(text.replace("_", "")),
    f"{_TAG}float": lambda text: _finite(float(text)),
}


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError
    return number


class TooLarge(Exception):
    """The expanded document is too large; `line` is where it exceeds the limit."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class Construction:
    """Constructs the data of one document; problems and lines are added to `source`."""

    def __init__(self, source: Source, loader: Loader, environment: Mapping[str, str]) -> None:
        self._source = source
        self._loader = loader
        self._environment = environment
        self._nodes = 0
        self._text = 0
        self._told: set[tuple[int, str]] = set()

    def value(self, node: yaml.Node, path: Key) -> Any:  # noqa: ANN401 (any YAML value)
        """Return the data of the node at a path."""
        self._count(node)
        self._source.lines.setdefault(path, _line(node))
        match node:
            case yaml.MappingNode() if node.tag == f"{_TAG}map":
                return self._mapping(node, path)
            case yaml.SequenceNode() if node.tag == f"{_TAG}seq":
                return [self.value(item, (*path, at)) for at, item in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag in _SCALARS:
                return self._scalar(node, path)
        tag = node.tag.replace(_TAG, "!!")
        self._problem(node, path, f"the tag {tag} is not supported", f"take {tag} out")
        return None

    def _count(self, node: yaml.Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            written = "once its aliases are expanded"
            raise TooLarge(_line(node), f"more than {MAX_NODES:,} values {written}")

    def _scalar(self, node: yaml.ScalarNode, path: Key) -> Any:  # noqa: ANN401 (any scalar)
        text = self._expanded(node, path)
        if text is None:
            return None
        self._text += len(text)
        if self._text > MAX_TEXT:
            written = "once its aliases and variables are expanded"
            raise TooLarge(_line(node), f"more than 16 MiB of text {written}")
        tag = node.tag if text == node.value else self._loader.tag_of(node, text)
        try:
            return _SCALARS[tag](text)
        except ValueError:
            named = tag.replace(_TAG, "!!")
            said = f"the value is not one of {named}, or too large for it"
            self._problem(node, path, said, "write it in quotes if text is meant")
            return None

    def _expanded(self, node: yaml.ScalarNode, path: Key) -> str | None:
        """Return the text with its variables expanded; None if that fails, which is reported."""
        written: str = node.value
        try:
            text = expand(written, self._environment)
        except Unexpanded as problem:
            self._problem(node, path, str(problem), problem.hint)
            return None
        if node.style == "|" and text.count("\n") == written.count("\n"):
            self._source.first_lines[path] = _line(node) + 1
        if text != written:
            self._source.expanded[path] = (written, text)
        return text

    def _mapping(self, node: yaml.MappingNode, path: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: yaml.Node | None = None
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != f"{_TAG}str":
                self._problem(key_node, path, "a key must be text", "write the key in quotes")
            elif key == "<<" and key_node.style is None:
                if merged is not None:
                    self._problem(key_node, path, "a second <<", "write one: <<: [*first, *second]")
                merged = value_node
            elif key in values:
                first = self._source.lines[*path, key]
                said = f"a duplicate key, first on line {first}"
                self._problem(key_node, (*path, key), said, "take one of the two out")
            else:
                self._source.lines[*path, key] = _line(key_node)
                values[key] = self.value(value_node, (*path, key))
        for key, key_node, value_node in self._merged(merged, path):
            # The mapping's own keys take precedence, then those of earlier merges.
            if key not in values:
                self._source.lines[*path, key] = _line(key_node)
                values[key] = self.value(value_node, (*path, key))
        return values

    def _merged(
        self, node: yaml.Node | None, path: Key
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield the keys that `<<` merges into a mapping (https://yaml.org/type/merge.html)."""
        if node is None:
            return
        self._count(node)
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                said = "<< takes the alias of a mapping, or a list of them"
                self._problem(source, path, said, "write <<: *name, with &name at a mapping")
                continue
            self._count(source)
            inner = None
            for key_node, value_node in source.value:
                self._count(key_node)
                if key_node.value == "<<" and key_node.style is None:
                    inner = value_node
                # Keys of other kinds are reported at the mapping itself.
                elif isinstance(key_node, yaml.ScalarNode) and key_node.tag == f"{_TAG}str":
                    yield key_node.value, key_node, value_node
            yield from self._merged(inner, path)

    def _problem(self, node: yaml.Node, path: Key, text: str, hint: str) -> None:
        # A problem that an alias repeats is reported once.
        if (_line(node), text) not in self._told:
            self._told.add((_line(node), text))
            self._source.problems.append(Problem(_line(node), path, text, hint))


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1
