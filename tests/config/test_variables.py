"""`${NAME}` in the values of gateway.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.config import load
from wasmgate.config.construction import MAX_TEXT
from wasmgate.config.variables import Unexpanded, expand
from wasmgate.config.yaml_source import read_yaml

Write = Callable[[str], Path]
Mistakes = Callable[[str], list[str]]

ENVIRONMENT = {"NAME": "value", "EMPTY": "", "PORT": "9001", "FLAG": "true", "_a1": "x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${NAME}", "value"),
        ("a${NAME}b${PORT}", "avalueb9001"),
        ("${_a1}", "x"),
        ("${NAME:-other}", "value"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${MISSING:-other}", "other"),
        ("${MISSING-other}", "other"),
        ("${MISSING:-}", ""),
        ("${MISSING:-a b: {c}", "a b: {c"),
        ("${NAME:?must be set}", "value"),
        ("${EMPTY?must be set}", ""),
        ("${NAME:+there}", "there"),
        ("${EMPTY:+there}", ""),
        ("${EMPTY+there}", "there"),
        ("${MISSING+there}", ""),
        ("${MISSING:-${NAME}}", "value"),
        ("${MISSING:-${ALSO:-deep}}!", "deep!"),
        ("${NAME:-${MISSING}}", "value"),
        ("${NAME:-${MISSING:?no}}", "value"),
        ("${MISSING:-$${NAME}", "${NAME"),
        ("${MISSING:-${1}}", "${1}"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$value"),
        ("$$$$", "$$"),
    ],
)
def test_variables_are_written_as_in_compose(text: str, expected: str) -> None:
    """With defaults, alternatives and `$$`; what is not taken does not have to be set."""
    assert expand(text, ENVIRONMENT) == expected


@pytest.mark.parametrize(
    "text", ["$1", "${1}", "/users/$1/${2}", "${10}", "$name", "^/a$", "a$", "$", "$(NAME)", "$-"]
)
def test_groups_and_ends_of_patterns_stay(text: str) -> None:
    """Digits name no variable, and a dollar sign without braces begins none."""
    assert expand(text, ENVIRONMENT) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${MISSING}", "the environment variable MISSING is not set"),
        ("a ${MISSING} b", "the environment variable MISSING is not set"),
        ("${MISSING:?ask the team}", "MISSING is not set or empty: ask the team"),
        ("${EMPTY:?}", "the environment variable EMPTY is not set or empty"),
        ("${MISSING?for ${NAME}}", "the environment variable MISSING is not set: for value"),
        ("${}", "this is not the name of one"),
        ("${ NAME }", "this is not the name of one"),
        ("${NAME", "this is not the name of one"),
        ("${NAME!x}", "this is not the name of one"),
        ("${a.b}", "this is not the name of one"),
        ("${MISSING:-x", "this is not the name of one"),
        ("${A:-" * 20 + "}" * 20, "this is not the name of one"),
    ],
)
def test_what_cannot_be_expanded_is_named(text: str, said: str) -> None:
    """The variable, or how one is written."""
    with pytest.raises(Unexpanded) as caught:
        expand(text, ENVIRONMENT)
    assert said in str(caught.value)
    assert caught.value.hint


def test_bytes_that_are_no_text_are_refused() -> None:
    """Python keeps them as surrogates, which no policy could be given."""
    for text in ("${A}", "${A:-x}"):
        with pytest.raises(Unexpanded, match="not UTF-8"):
            expand(text, {"A": "\udcff"})


@given(st.text(st.sampled_from("${}:-?+A1_ x")))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    """Never another exception; without a `${` in it nothing but `$$` changes."""
    try:
        expanded = expand(text, {"A": "${A}"})
    except Unexpanded:
        return
    if "${" not in text:
        assert expanded == text.replace("$$", "$")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${PORT}", 9001),
        ("'${PORT}'", "9001"),
        ('"${PORT}"', "9001"),
        ("!!str ${PORT}", "9001"),
        ("!!int '${PORT}'", 9001),
        ("${FLAG}", True),
        ("'${FLAG}'", "true"),
        ("${EMPTY}", None),
        ("'${EMPTY}'", ""),
        ("${PORT}0", 90010),
        ("v${PORT}", "v9001"),
        ("${MISSING:-1.5}", 1.5),
        ("|\n  ${PORT}\n", "9001\n"),
        ("['${PORT}', !!int '${PORT}']", ["9001", 9001]),
    ],
)
def test_a_plain_value_has_the_type_that_yaml_gives_it(text: str, value: object) -> None:
    """And a quoted one is text."""
    source = read_yaml(f"a: {text}", ENVIRONMENT)
    assert ([problem.text for problem in source.problems], source.data) == ([], {"a": value})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_value_never_brings_in_yaml(value: str) -> None:
    """The value of a variable is one scalar, in quotes the exact text."""
    source = read_yaml("a: '${X}'\nb: ${X}\nc: 1\n", {"X": value})
    if not source.problems:
        assert (source.data["a"], list(source.data), source.data["c"]) == (
            value,
            ["a", "b", "c"],
            1,
        )
        assert not isinstance(source.data["b"], (list, dict))


def test_brackets_ask_for_quotes() -> None:
    """YAML ends a plain value at a brace there."""
    (problem,) = read_yaml("a: {b: ${PORT}}", ENVIRONMENT).problems
    assert problem.hint == "put ${NAME} in quotes where it stands in { } or [ ]"


def test_keys_are_not_expanded() -> None:
    """As in Compose: names of a file do not depend on where it is read."""
    assert read_yaml("'${NAME}': 1", ENVIRONMENT).data == {"${NAME}": 1}


def test_a_missing_variable_has_its_line_and_its_key(
    mistakes: Mistakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like every other mistake; an alias does not repeat it."""
    monkeypatch.delenv("WASMGATE_MISSING", raising=False)
    found = mistakes("""
        x-common: &common
          secret: ${WASMGATE_MISSING}
        policies:
          auth:
            module: jwt_auth
            configuration:
              algorithms: [HS256]
              keys: {<<: *common}
        clusters: {a: {endpoints: ["http://127.0.0.1:9001"]}}
        routes: [{match: {prefix: /}, cluster: a}]
        """)
    assert found == ["2: x-common.secret: the environment variable WASMGATE_MISSING is not set"]


def test_variables_reach_every_value(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, numbers with units, and the configurations of policies."""
    monkeypatch.setenv("WASMGATE_PORT", "9001")
    monkeypatch.setenv("WASMGATE_TIER", "gold: # {x}")
    config = load(
        write("""
        listen: 0.0.0.0:${WASMGATE_LISTEN:-8443}
        policies:
          shape:
            module: rewrite
            configuration:
              request_headers: {set: {x-tier: "${WASMGATE_TIER}"}}
              path_regex: [{pattern: "^/u/([0-9]+)$", replacement: "/users/$1/${1}"}]
        clusters:
          a:
            endpoints: ["http://127.0.0.1:${WASMGATE_PORT}"]
            connections: ${WASMGATE_PORT}
        routes: [{match: {prefix: /}, cluster: a}]
        """)
    )
    cluster = config.clusters["a"]
    assert (str(config.listen), cluster.urls, cluster.connections) == (
        "0.0.0.0:8443",
        ("http://127.0.0.1:9001",),
        9001,
    )
    assert config.policies["shape"].configuration == {
        "request_headers": {"set": {"x-tier": "gold: # {x}"}},
        "path_regex": [{"pattern": "^/u/([0-9]+)$", "replacement": "/users/$1/${1}"}],
    }


def test_the_value_of_a_variable_is_not_repeated(
    mistakes: Mistakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a secret in the wrong place."""
    monkeypatch.setenv("WASMGATE_SECRET", "sesame-open")
    (line,) = mistakes("""
        clusters: {a: {endpoints: ["http://127.0.0.1:9001"]}}
        routes: [{match: {prefix: /}, cluster: "${WASMGATE_SECRET}"}]
        """)
    assert line == "2: routes[0].cluster: no cluster is named '${WASMGATE_SECRET}'"


def test_a_bomb_of_variables_is_stopped() -> None:
    """A long value that is repeated often."""
    text = "\n".join(f"a{at}: ${{LONG}}" for at in range(200))
    (problem,) = read_yaml(text, {"LONG": "x" * (MAX_TEXT // 100)}).problems
    assert "more than 16 MiB of text" in problem.text
