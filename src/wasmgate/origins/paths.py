"""Paths of keys and list indices in JSON, by offset in its text and by value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Key", "at_offset", "every", "key_path", "unwritable"]

Key: TypeAlias = tuple[str | int, ...]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def key_path(path: Key) -> str:
    """Return the text of a path: routes[1].cluster."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", key):
            text += f".{key}" if text else key
        else:
            text += f"[{key[:64]!r}]"
    return text


@dataclass
class _Container:
    """An object or a list that is being parsed; `key` is the key of its next value."""

    is_object: bool
    key: str | int = field(default=0)
    awaits_key: bool = False


def at_offset(text: bytes, offset: int) -> Key:
    """Return the path of the innermost key or value at a byte offset of a JSON text.

    A bracket belongs to the value that it opens or closes. Past the end it is the whole document.
    """
    open_ones: list[_Container] = []
    for token in _TOKEN.finditer(text):
        first = token[0][:1]
        if first in b"]}" and open_ones:
            open_ones.pop()
        path = tuple(one.key for one in open_ones if not one.awaits_key)
        if first == b'"' and open_ones and open_ones[-1].awaits_key:
            open_ones[-1].key = _text(token[0])
            open_ones[-1].awaits_key = False
            path = tuple(one.key for one in open_ones)
        if token.end() > offset:
            return path
        if first in b"{[":
            open_ones.append(_Container(first == b"{", awaits_key=first == b"{"))
        elif first == b"," and open_ones:
            last = open_ones[-1]
            last.awaits_key = last.is_object
            last.key = last.key + 1 if isinstance(last.key, int) else last.key
    return ()


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token.decode(errors="replace").strip('"')


def every(value: Any, path: Key = ()) -> Iterator[tuple[Key, Any]]:  # noqa: ANN401 (any JSON)
    """Yield every value of a JSON document with its path, the outer ones first."""
    todo = [(path, value)]
    while todo:
        path, value = todo.pop()
        yield path, value
        if isinstance(value, Mapping):
            todo += [((*path, key), its) for key, its in reversed(list(value.items()))]
        elif isinstance(value, (list, tuple)):
            todo += [((*path, at), its) for at, its in reversed(list(enumerate(value)))]


def unwritable(value: object) -> tuple[Key, str]:
    """Return the path of a value that JSON cannot represent, and its type."""
    around: list[tuple[Key, int]] = []
    for path, its in every(value):
        around = around[: len(path)]
        if isinstance(its, (Mapping, list, tuple)):
            if id(its) in {identity for _, identity in around}:
                return path, "what is around it"
            around.append((path, id(its)))
            strange = [key for key in its if isinstance(its, Mapping) and not isinstance(key, str)]
            if strange:
                return path, f"the key {strange[0]!r}"
        elif isinstance(its, float) and not math.isfinite(its):
            return path, f"the number {its}"
        elif isinstance(its, str) and not its.isprintable() and _is_broken(its):
            return path, "text with half a character"
        elif not isinstance(its, (str, int, float, bool, type(None))):
            return path, f"a {type(its).__name__}"
    return (), f"a {type(value).__name__}"


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
