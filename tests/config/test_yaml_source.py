"""YAML with the line of every key, and what is refused of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.config.yaml_source import MAX_NODES, read_yaml


def problems(text: str) -> list[str]:
    """Return each problem as line, path and text."""
    return [problem.shown("f") for problem in read_yaml(text).problems]


def test_every_path_has_its_line() -> None:
    """Of the key in a mapping, of the item in a list."""
    source = read_yaml("a: 1\nb:\n  c:\n    - x\n    - {d: y}\n")
    assert source.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", "c"): 3,
        ("b", "c", 0): 4,
        ("b", "c", 1): 5,
        ("b", "c", 1, "d"): 5,
    }


def test_a_path_that_is_not_there_has_the_line_above_it() -> None:
    """A missing key is shown at the mapping that lacks it."""
    assert read_yaml("a: 1\nb:\n  c: 1\n").line(("b", "d", 3)) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        ("10_000_000", 10_000_000),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """Nothing that looks like text becomes a boolean, a date or a number to base 60."""
    assert read_yaml(f"a: {text}").data == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f:1: the file is empty"),
        ("# nothing", "f:1: the file is empty"),
        ("a: 1\nb: 2\na: 3", "f:3: a: a duplicate key, first on line 1"),
        ("x:\n  a: 1\n  a: 1", "f:3: x.a: a duplicate key, first on line 2"),
        ("1: x", "f:1: a key must be text"),
        ("true: x", "f:1: a key must be text"),
        ("? [a]\n: x", "f:1: a key must be text"),
        ("c:\n  <<: 5", "f:2: c: << takes the alias of a mapping"),
        ("a: &a {b: 1}\nc: {<<: *a, <<: *a}", "f:2: c: a second <<"),
        ("a: !secret x", "f:1: a: the tag !secret is not supported"),
        ("a: !!python/object:os.system {}", "f:1: a: the tag !!python/object:os.system is not"),
        ("a: !!binary aGk=", "f:1: a: the tag !!binary is not supported"),
        ("a: !!set {b}", "f:1: a: the tag !!set is not supported"),
        ("a: !!int x", "f:1: a: the value is not one of !!int, or too large for it"),
        ("a: 1\nb: [", "f:2: not valid YAML: expected the node content"),
        ("a: 1\n\tb: 2", "f:2: not valid YAML: found character"),
        ("a: 1e999", "f:1: a: the value is not one of !!float, or too large for it"),
        ("a: " + "9" * 5000, "f:1: a: the value is not one of !!int, or too large for it"),
        ("a: *b", "f:1: not valid YAML: found undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "f:2: not valid YAML: but found another document"),
        ("a: 1\nb: \0", "f:2: a character that YAML does not allow"),
        ("[" * 5000, "f:1: nested too deeply"),
        ("a: &a [*a]", "f:1: nested too deeply"),
    ],
    ids=lambda text: text[:20].replace("\0", "NUL") if isinstance(text, str) else None,
)
def test_what_is_refused_has_its_line(text: str, said: str) -> None:
    """One problem, at the line of its cause."""
    found = problems(text)
    assert (len(found), found[0][: len(said)]) == (1, said)


def test_all_problems_are_found() -> None:
    """Reading goes on after the first."""
    assert len(problems("a: 1\na: 2\n3: x\nb: !t y\n")) == 3


def test_the_first_of_two_values_is_kept() -> None:
    """Checks further on speak of one that stands in the file."""
    assert read_yaml("a: 1\na: 2").data == {"a": 1}


def test_aliases_share_a_value() -> None:
    """They are not refused as such."""
    assert read_yaml("a: &x [1]\nb: *x").data == {"a": [1], "b": [1]}


def test_a_bomb_of_aliases_is_stopped() -> None:
    """Nine levels of ten would be a thousand million values."""
    levels = [f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 10)}]" for at in range(1, 10)]
    found = problems("\n".join(["l0: &l0 [x]", *levels]))
    assert (len(found), f"more than {MAX_NODES:,} values" in found[0]) == (1, True)


@given(st.text())
def test_any_text_gives_data_or_problems(text: str) -> None:
    """Never an exception."""
    source = read_yaml(text)
    assert source.problems or source.data is not None or text.strip()


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)


@given(TREES)
def test_json_reads_as_itself(data: object) -> None:
    """JSON is YAML, also with the key `<<`: in quotes it is a key like others."""
    text = json.dumps({"data": data})
    if "$" not in text:  # variables have tests of their own
        assert read_yaml(text).data == {"data": data}
