"""Of which key a guest speaks when it refuses its configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.origins.refusal import find

if TYPE_CHECKING:
    from wasmgate.origins import Key

CONFIGURATION = {
    "limit": "5 lightyears",
    "burst": 20,
    "rules": [{"path": "/a", "allow": True}, {"path": "/b"}],
    "headers": {"set": {"x-debug": True, "x.dotted": "1"}},
    "paths": {"/v1/": "/", "oops": "/"},
}


@pytest.mark.parametrize(
    ("said", "path"),
    [
        # Rust's policies, and their key paths.
        ("shape: headers.set.x-debug: `true` is no text", ("headers", "set", "x-debug")),
        ("shape: headers.set.x.dotted: no", ("headers", "set", "x.dotted")),
        ("shape: headers.set['x-debug']: no", ("headers", "set", "x-debug")),
        ("rules[1].path: must begin with /api", ("rules", 1, "path")),
        ("burst: 0 would let nothing pass", ("burst",)),
        ("paths: `oops` must begin with /", ("paths", "oops")),
        # encoding/json of Go.
        (
            "cannot unmarshal bool into Go struct field Config.headers.set of type string",
            ("headers", "set"),
        ),
        ("json: cannot unmarshal number into Go struct field config.burst of type int", ("burst",)),
        # JSON pointers: nlohmann with diagnostics, jsonschema.
        (
            "[json.exception.type_error.302] (/rules/1/path) type must be number, but is string",
            ("rules", 1, "path"),
        ),
        ("at '/headers/set/x-debug': got boolean, want string", ("headers", "set", "x-debug")),
        # Paths as jq, jsonpath and pydantic write them.
        ("invalid value at $.rules[0].allow", ("rules", 0, "allow")),
        ("rules.1.path must not be empty", ("rules", 1, "path")),
        # A key or a value in a sentence.
        ('parse config failed: invalid duration "5 lightyears"', ("limit",)),
        ("the field 'allow' is deprecated", ("rules", 0, "allow")),
        ("config error: burst must be below 10", ("burst",)),
        # In doubt, the whole.
        ("no", ()),
        ("path must not be empty", ()),
        ("missing field `timeout`", ()),
        ("limit and burst contradict each other", ()),
        ("", ()),
    ],
)
def test_the_key_is_found_in_the_words_of_many_languages(said: str, path: Key) -> None:
    """And where two could be meant, none is named."""
    assert find(said, json.dumps(CONFIGURATION).encode()).path == path


@pytest.mark.parametrize(
    "form", ["at line 1 column {}", "line 1, column {}", "(line 1 col {})", "at offset {}"]
)
def test_a_place_in_the_text_is_the_key_there(form: str) -> None:
    """A person wrote no such text, so the place is not repeated."""
    text = json.dumps(CONFIGURATION).encode()
    at = text.index(b'"/b"') + (1 if "col" in form else 0)
    found = find(f"invalid type: string, expected u32 {form.format(at)}", text)
    assert (found.path, found.text) == (("rules", 1, "path"), "invalid type: string, expected u32")


def test_a_text_that_a_person_wrote_keeps_its_place() -> None:
    """Its lines are theirs."""
    text = b'{\n  "a": 1,\n  "b": true\n}'
    found = find("expected u32 at line 3 column 11", text, as_text=True)
    assert found == (("b",), "expected u32 at line 3 column 11", 3)


@given(st.text(), st.binary())
def test_any_words_about_any_bytes_are_read(said: str, configuration: bytes) -> None:
    """Never an exception."""
    find(said, configuration)
    find(f"{said} at line 3 column 7", configuration, as_text=True)
    find(said, json.dumps({said: [said, {"a": said}]}).encode())
