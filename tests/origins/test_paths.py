"""Paths, and what is at a byte of a JSON text."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.origins import Key, key_path
from wasmgate.origins.paths import at_offset, every, unwritable

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner, min_size=1),
    max_leaves=20,
)


@given(DOCUMENTS, st.sampled_from([(", ", ": "), (",", ":")]), st.data())
def test_every_value_is_found_by_each_of_its_bytes(
    document: object, separators: tuple[str, str], data: st.DataObject
) -> None:
    """Of a scalar; a container is where its brackets are."""
    leaves = [(path, one) for path, one in every(document) if not isinstance(one, (dict, list))]
    if not leaves:
        return
    path, _ = data.draw(st.sampled_from(leaves))
    marker = "\N{SNOWMAN}here"
    marked = put(document, path, marker)
    text = json.dumps(marked, ensure_ascii=False, separators=separators).encode()
    token = f'"{marker}"'.encode()
    if text.count(token) == 1:
        start = text.index(token)
        assert {at_offset(text, start + at) for at in range(len(token))} == {path}


def put(document: Any, path: Key, value: object) -> object:  # noqa: ANN401 (any JSON)
    """Return a document with another value at a path."""
    if not path:
        return value
    first, *rest = path
    if isinstance(document, dict):
        return {
            k: put(its, tuple(rest), value) if k == first else its for k, its in document.items()
        }
    return [put(its, tuple(rest), value) if at == first else its for at, its in enumerate(document)]


@pytest.mark.parametrize(
    ("offset", "path"),
    [
        (0, ()),
        (1, ("a",)),
        (4, ("a",)),
        (5, ("a",)),
        (6, ("a", 0)),
        (8, ("a", 1)),
        (9, ("a",)),
        (10, ()),
        (99, ()),
    ],
)
def test_brackets_belong_to_what_they_open_and_close(offset: int, path: Key) -> None:
    """A guest that misses a key points at the end of the mapping."""
    assert at_offset(b'{"a":[7,8]}', offset) == path


@given(st.binary(), st.integers(0, 50))
def test_any_bytes_have_a_path(text: bytes, offset: int) -> None:
    """Never an exception: a configuration that is text may be anything."""
    at_offset(text, offset)


@pytest.mark.parametrize(
    ("value", "path", "kind"),
    [
        ({"a": [1, {2, 3}]}, ("a", 1), "a set"),
        ({"a": {"b": b"x"}}, ("a", "b"), "a bytes"),
        ([1, math.nan], (1,), "the number nan"),
        ({"a": {(1, 2): 3}}, ("a",), "the key (1, 2)"),
        ({"a": "\ud800"}, ("a",), "text with half a character"),
    ],
)
def test_what_json_has_no_word_for_is_found(value: object, path: Key, kind: str) -> None:
    """With its path, at any depth."""
    assert unwritable(value) == (path, kind)


def test_a_value_that_contains_itself_is_found() -> None:
    """In place of walking for ever."""
    value: dict[str, object] = {}
    value["a"] = [value]
    assert unwritable(value) == (("a", 0), "what is around it")


@pytest.mark.parametrize(
    ("path", "shown"), [(("a", 0, "b-c"), "a[0].b-c"), (("set", "x y"), "set['x y']"), ((), "")]
)
def test_a_path_is_written_as_a_person_would(path: Key, shown: str) -> None:
    """Keys with other letters are quoted."""
    assert key_path(path) == shown
