"""libyaml and the parser in Python read the same from the texts that libyaml gets."""

from __future__ import annotations

import random

import pytest
import yaml

from tests.config.test_mutations import VALID
from wasmgate.config import composing
from wasmgate.config.composing import composed
from wasmgate.config.yaml_loader import Loader, PythonLoader
from wasmgate.config.yaml_source import read_yaml

libyaml = pytest.importorskip("wasmgate.config.libyaml", reason="PyYAML without libyaml")

OTHERS = """
a: &x {b: 1, c: [x, 'y', "z\\n"], d: }
e: *x
<<: *x
f: |
  text
   more
g: >-
  fold
  ed
h: a # comment
i: ${HOME}
- x
"""
WORDS = [
    *"\n \t:#{}[]'\"&*!|>%@`,?\\~-1aé\r\x07\x85\u2028\ufeff",
    *("  ", ": ", "- ", " #", "&a ", "*a", "!!str ", "!", "|\n", ">#", "--- ", "...\n", "\n---\n"),
    *("<<: ", "? ", "${X}", "http://a:1", "=", "''", "\\x41", "%YAML 1.1\n"),
]


def tree(node: yaml.Node | None, loader: Loader) -> object:
    """Return a node as values that compare: not on which line a value is that is left out."""
    if node is None:
        return None
    said: list[object] = [node.tag, node.start_mark.line if node.value else None]
    if isinstance(node, yaml.ScalarNode):
        return [*said, node.value, node.style, loader.tag_of(node, "1")]
    if isinstance(node, yaml.MappingNode):
        return [*said, [(tree(key, loader), tree(value, loader)) for key, value in node.value]]
    return [*said, [tree(item, loader) for item in node.value]]


def read(text: str, *, by_libyaml: bool) -> object:
    """Return what a text is read as, or "refused"."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yaml, "__with_libyaml__", by_libyaml)
            loader, root = composed(text)
        return tree(root, loader)
    except yaml.YAMLError:
        return "refused"


@pytest.mark.parametrize("seed", range(40))
def test_both_read_the_same(seed: int) -> None:
    """Lines, tags, quotes and values, of texts with mistakes, too."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    different = []
    for _ in range(25):
        lines = chance.choice([VALID, OTHERS]).splitlines(keepends=True)
        first = chance.randrange(len(lines))
        text = "".join(lines[first : first + chance.randrange(1, 14)])
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(WORDS) + text[at + chance.choice([0, 0, 1, 2]) :]
        if read(text, by_libyaml=True) != read(text, by_libyaml=False):
            different.append(text)
    assert different == []


def test_a_file_without_mistakes_is_read_by_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser in Python would take most of the time of a reload."""
    monkeypatch.setattr(composing, "PythonLoader", None)
    assert isinstance(composed(VALID)[0], libyaml.LibyamlLoader)


def test_a_mistake_has_the_message_of_the_parser_in_python() -> None:
    """The hints are for its messages."""
    text = "a: [1, 2\nb: 3\n"
    with pytest.raises(yaml.MarkedYAMLError) as said:
        PythonLoader(text).get_single_node()
    assert read_yaml(text).problems[0].text == f"not valid YAML: {said.value.problem}"


def test_without_libyaml_the_parser_in_python_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML can be built without it."""
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert isinstance(composed(VALID)[0], PythonLoader)
