"""The scalars of YAML as gateway.yaml has them, and the loader that parses in Python."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

__all__ = ["Loader", "PythonLoader"]

_TAG = "tag:yaml.org,2002:"
_INTEGER = r"[-+]?(?:0|[1-9][0-9_]*)"
_FLOAT = r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"


class Loader(Composer, Resolver):
    """Resolves the scalars below alone, and knows which of them are plain: no tag, no quotes."""

    def __init__(self) -> None:
        Composer.__init__(self)
        Resolver.__init__(self)
        self._plain: set[int] = set()

    def compose_scalar_node(self, anchor: dict[Any, yaml.Node]) -> yaml.ScalarNode:
        """Record whether the scalar is plain, so that its type follows from its text."""
        event = self.peek_event()  # type: ignore[attr-defined]  # the parser's
        node = super().compose_scalar_node(anchor)
        node.style = node.style or None  # of a plain one libyaml says ""
        if event.implicit[0]:
            self._plain.add(id(node))
        return node

    def tag_of(self, node: yaml.ScalarNode, text: str) -> str:
        """Return the tag of a node whose text was expanded to `text`."""
        if id(node) not in self._plain:
            return str(node.tag)
        plain = (True, False)
        return str(self.resolve(yaml.ScalarNode, text, plain))  # type: ignore[no-untyped-call]


class PythonLoader(Reader, Scanner, Parser, Loader):
    """Parses in Python; its errors are those that `wasmgate.config.yaml_source` has hints for."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Loader.__init__(self)


Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), _first)
