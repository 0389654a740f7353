"""Reads YAML into plain data with the line of each key.

Scalars follow the core schema of YAML 1.2, not YAML 1.1 as in PyYAML: `no` and `on` are text, and
`1:30` is not a number. Anchors, aliases and merge keys work. Variables are expanded in scalars of
the parsed document, so that a value cannot inject YAML. Refused, each with its line: duplicate
keys, keys that are not text, other tags, and documents that aliases expand beyond the limits.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import yaml

from wasmgate.config.composing import composed
from wasmgate.config.construction import MAX_NODES, Construction, TooLarge
from wasmgate.config.problems import Problem
from wasmgate.config.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_NODES", "Source", "read_yaml"]


def read_yaml(text: str, environment: Mapping[str, str] = os.environ) -> Source:
    """Read one YAML document. Mistakes are in `Source.problems`; no error is raised."""
    source = Source()
    try:
        loader, root = composed(text)
        if root is None:
            hint = "write clusters: and routes:, as the guide of the gateway shows"
            source.problems.append(Problem(1, (), "the file is empty", hint))
        else:
            source.data = Construction(source, loader, environment).value(root, ())
    except yaml.MarkedYAMLError as error:
        source.problems.append(_not_yaml(error))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        hint = "take the character out; in quotes it can be written as \\x or \\u and its number"
        source.problems.append(Problem(line, (), "a character that YAML does not allow", hint))
    except RecursionError:
        hint = "an alias must not be inside of the value that it names"
        source.problems.append(Problem(1, (), "nested too deeply", hint))
    except TooLarge as error:
        hint = "divide the file, or repeat less by aliases"
        source.problems.append(Problem(error.line, (), str(error), hint))
    return source


def _not_yaml(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = str(error.problem or error.context)
    hint = next((hint for part, hint in _SYNTAX.items() if part in said), _ANY_SYNTAX)
    return Problem(mark.line + 1 if mark else 1, (), f"not valid YAML: {said}", hint)


_SYNTAX = {
    "'\\t'": "indent with spaces: YAML allows no tabs there",
    "mapping values are not allowed": "put text that has ': ' in it in quotes",
    "undefined alias": "write &name where the value stands first, above the *name",
    "another document": "take the line '---' out: a configuration is one document",
    "block end": "begin the keys of one mapping in the same column",
    "expected the node content": "close what is open: [ ], { }, and quotes",
    "got '{'": "put ${NAME} in quotes where it stands in { } or [ ]",
    "',' or": "close the bracket, or put a ',' between entries",
    "could not find expected ':'": "write key: value, with a space behind the ':'",
    "that cannot start any token": "put text that begins with % @ ` or a tab in quotes",
    "end of stream": "close the quotes, or the bracket, that are open",
    "unknown escape": "put text with a backslash in single quotes",
}
_ANY_SYNTAX = "put the value in single quotes if it is text; the line above may be the cause"
