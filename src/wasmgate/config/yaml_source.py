"""YAML with places: plain data, and the line of every key in it.

The rules are those of YAML 1.2's core schema where PyYAML follows 1.1: `no` and `on` are text, and
`1:30` is no number. Refused, each with its line: duplicate keys, keys that are not text, merge
keys, tags of any kind, and documents that grow too large by their aliases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from wasmgate.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate.config.references import Key

__all__ = ["MAX_NODES", "Source", "read_yaml"]

# A gateway.yaml of a thousand routes has about 20,000.
MAX_NODES = 100_000

_TAG = "tag:yaml.org,2002:"
_INTEGER = r"[-+]?(?:0|[1-9][0-9_]*)"
_FLOAT = r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
_SCALARS: dict[str, Callable[[str], Any]] = {
    f"{_TAG}str": str,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}int": lambda text: int(text.replace("_", "")),
    f"{_TAG}float": float,
}


class _Loader(yaml.SafeLoader):
    """Knows the scalars below and nothing else."""


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), _first)


@dataclass
class Source:
    """A document: its data, the line of each path in it, and what was wrong with it as YAML."""

    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Key) -> int:
        """Return the line of a path, or of the nearest one above it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str) -> Source:
    """Read one YAML document. Mistakes are in `Source.problems`; nothing is raised."""
    source = Source()
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            source.problems.append(Problem(1, (), "the file is empty"))
        else:
            source.data = _Construction(source).value(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = f"not valid YAML: {error.problem or error.context}"
        source.problems.append(Problem(mark.line + 1 if mark else 1, (), said))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        source.problems.append(Problem(line, (), "a character that YAML does not allow"))
    except RecursionError:
        source.problems.append(Problem(1, (), "nested too deeply"))
    except _TooLarge as error:
        said = f"more than {MAX_NODES:,} values once its aliases are written out"
        source.problems.append(Problem(error.line, (), said))
    return source


class _TooLarge(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Construction:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = 0

    def value(self, node: yaml.Node, path: Key) -> Any:  # noqa: ANN401 (any YAML value)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooLarge(_line(node))
        self._source.lines.setdefault(path, _line(node))
        match node:
            case yaml.MappingNode() if node.tag == f"{_TAG}map":
                return self._mapping(node, path)
            case yaml.SequenceNode() if node.tag == f"{_TAG}seq":
                return [self.value(item, (*path, at)) for at, item in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag in _SCALARS:
                return self._scalar(node, path)
        self._problem(node, path, f"the tag {node.tag.replace(_TAG, '!!')} is not supported")
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Key) -> Any:  # noqa: ANN401 (any scalar)
        try:
            return _SCALARS[node.tag](node.value)
        except ValueError:
            self._problem(node, path, f"{node.value[:40]!r} is not what its tag says")
            return None

    def _mapping(self, node: yaml.MappingNode, path: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != f"{_TAG}str":
                self._problem(key_node, path, "a key must be text: write it in quotes")
            elif key == "<<":
                self._problem(key_node, path, "merge keys (<<) are not supported")
            elif key in values:
                first = self._source.lines[*path, key]
                self._problem(key_node, (*path, key), f"a duplicate key, first on line {first}")
            else:
                self._source.lines[*path, key] = _line(key_node)
                values[key] = self.value(value_node, (*path, key))
        return values

    def _problem(self, node: yaml.Node, path: Key, text: str) -> None:
        self._source.problems.append(Problem(_line(node), path, text))


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1
