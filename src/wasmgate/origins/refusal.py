"""Finds the key that the message of a guest is about which refuses its configuration.

Guests in Rust name a line and a column of the JSON text that the host made, guests in Go a field of
a struct, others a JSON pointer, or the key in a sentence. If the key is ambiguous, the place is the
whole configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from wasmgate.origins.paths import at_offset, every

if TYPE_CHECKING:
    from wasmgate.origins.paths import Key

__all__ = ["Found", "find"]

_LINE = re.compile(r",?\s*\(?(?:at )?line (\d+),? col(?:umn)? (\d+)(?: \(char \d+\))?\)?")
_OFFSET = re.compile(r",?\s*\(?(?:at |after )?(?:byte )?(?:offset|position|char) (\d+)\)?")
_SEGMENT = re.compile(r"(?:^|: |; | \| |\()")
_DOTTED = re.compile(r"[\w$-]+(?:\.[\w-]+|\[\d+\])+")
_POINTER = re.compile(r"(?<![\w/])/[^\s\"'`(),:]+")
_QUOTED = re.compile(r"`([^`]+)`|'([^']+)'|\"([^\"]+)\"")
_WORD = re.compile(r"[\w-]{3,}")
# The named key is absent; another key may have the same name elsewhere.
_ABSENT = re.compile(r"(?:missing|unknown) field `")
MOST = 20_000  # values that are searched for a name


class Found(NamedTuple):
    """A key of a configuration, the message about it, and the line in a text."""

    path: Key
    text: str
    line: int


def find(said: str, configuration: bytes, *, as_text: bool = False) -> Found:
    """Find the key that a message is about in the configuration that the guest got.

    `as_text`: the configuration was given as text, so that line numbers are those of its author.
    """
    try:
        document: Any = json.loads(configuration)
    except (ValueError, RecursionError):
        document = None
    line, column = 1, _LINE.search(said)
    offset = _OFFSET.search(said) if column is None else None
    path: Key = ()
    if column is not None:
        line = int(column[1])
        starts = [0, *(found.end() for found in re.finditer(rb"\n", configuration))]
        if line <= len(starts):
            path = at_offset(configuration, starts[line - 1] + max(int(column[2]) - 1, 0))
    elif offset is not None:
        line = configuration.count(b"\n", 0, int(offset[1])) + 1
        path = at_offset(configuration, int(offset[1]))
    place = column or offset
    if place is not None and document is not None and not as_text:
        # The message counts in JSON that the host made, which is one line.
        said = said[: place.start()] + said[place.end() :]
    if not path and isinstance(document, (Mapping, list)) and not _ABSENT.search(said):
        path = _named(said, document)
        inner = _at(document, path)
        if path and isinstance(inner, (Mapping, list)):
            # "path_prefix: `x` must begin with /" is about the entry `x`.
            below = list(dict.fromkeys(_quoted(said, inner)))
            path = (*path, *below[0]) if len(below) == 1 else path
    return Found(path, said, line)


def _at(document: Any, path: Key) -> Any:  # noqa: ANN401 (any JSON value)
    for key in path:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _named(said: str, document: Any) -> Key:  # noqa: ANN401 (any JSON value)
    """Return the path that a message names; empty if it names none or several."""
    for paths in (
        _leading(said, document),
        _dotted(said, document),
        _pointers(said, document),
        _quoted(said, document),
        _words(said, document),
    ):
        different = list(dict.fromkeys(path for path in paths if path))
        if len(different) == 1:
            return different[0]
        # "limit: 5 is below burst" begins with the key that it is about.
        if different and all(path[: len(different[0])] == different[0] for path in different):
            return different[-1]
    return ()


def _leading(said: str, document: Any) -> Iterator[Key]:  # noqa: ANN401 (any JSON value)
    """Yield a path at the beginning of a message, before a colon."""
    for segment in _SEGMENT.finditer(said):
        path, end = _resolved(said, segment.end(), document)
        if path and said[end : end + 1] in {":", "="}:
            yield path
            return


def _dotted(said: str, document: Any) -> Iterator[Key]:  # noqa: ANN401 (any JSON value)
    for token in _DOTTED.finditer(said):
        # The first part may be the name of the struct: Config.limit.
        for start in (0, token[0].find(".") + 1):
            path, end = _resolved(token[0], start, document)
            if path and end == len(token[0]):
                yield path
                break


def _pointers(said: str, document: Any) -> Iterator[Key]:  # noqa: ANN401 (any JSON value)
    for token in _POINTER.finditer(said):
        path: list[str | int] = []
        value = document
        for part in token[0][1:].rstrip(".").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            key = int(name) if isinstance(value, list) and name.isdecimal() else name
            value = _at(value, (key,))
            path.append(key)
            if value is None:
                break
        else:
            yield tuple(path)


def _quoted(said: str, document: Any) -> Iterator[Key]:  # noqa: ANN401 (any JSON value)
    """Yield a key or a value in quotes."""
    tokens = [next(filter(None, groups)) for groups in _QUOTED.findall(said)]
    resolved = [path for token in tokens for path, end in [_resolved(token, 0, document)]
                if path and end == len(token)]  # fmt: skip
    yield from resolved
    if not resolved:
        yield from _only_places(tokens, document, values=True)


def _words(said: str, document: Any) -> Iterator[Key]:  # noqa: ANN401 (any JSON value)
    yield from _only_places(_WORD.findall(said), document, values=False)


def _only_places(tokens: list[str], document: Any, *, values: bool) -> Iterator[Key]:  # noqa: ANN401
    """Yield the paths of keys and of values with these names, if each is unique."""
    wanted = set(tokens)
    places: dict[str, list[Key]] = {}
    for at, (path, value) in enumerate(every(document)):
        if at > MOST:
            return
        if path and path[-1] in wanted:
            places.setdefault(str(path[-1]), []).append(path)
        elif values and isinstance(value, (str, int, float)):
            text = value if isinstance(value, str) else json.dumps(value)
            if text in wanted:
                places.setdefault(text, []).append(path)
    yield from (paths[0] for paths in places.values() if len(paths) == 1)


def _resolved(text: str, at: int, value: Any) -> tuple[Key, int]:  # noqa: ANN401 (any JSON value)
    """Parse a path at an offset of a text, as far as it exists in the document."""
    path: list[str | int] = []
    while (step := _step(text, at, value, first=not path)) is not None:
        key, at = step
        path.append(key)
        value = value[key]
    return tuple(path), at


def _step(text: str, at: int, value: Any, *, first: bool) -> tuple[str | int, int] | None:  # noqa: ANN401
    if isinstance(value, list):
        index = re.compile(r"\.?\[?(\d+)\]?").match(text, at)
        if index is None or int(index[1]) >= len(value):
            return None
        return int(index[1]), index.end()
    if not isinstance(value, Mapping):
        return None
    if not first:
        opening = re.compile(r"\.|\[['\"`]?").match(text, at)
        if opening is None:
            return None
        at = opening.end()
    for key in sorted(value, key=len, reverse=True):
        end = at + len(key)
        if key and text.startswith(key, at) and not re.match(r"[\w-]", text[end : end + 1]):
            closing = re.compile(r"['\"`]?\]").match(text, end)
            return key, closing.end() if closing and not first else end
    return None
