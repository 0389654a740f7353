"""Anchors, aliases, merge keys and `x-` keys, as Compose has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wasmgate.config import json_schema, load
from wasmgate.config.yaml_source import MAX_NODES, read_yaml

Write = Callable[[str], Path]
Mistakes = Callable[[str], list[str]]


def merged(text: str) -> object:
    """Return what stands under `it`, of a document without problems."""
    source = read_yaml(text)
    assert source.problems == []
    return source.data["it"]


def test_keys_at_the_top_with_x_are_for_what_is_repeated(write: Write) -> None:
    """They are left out, and what they anchor can be used everywhere."""
    config = load(
        write("""
        x-limits: &limits {fuel: 5_000_000, memory: 16MiB}
        x-cluster: &cluster
          read_timeout: 2s
          connections: 4
        policies:
          one: {module: rewrite, limits: *limits}
          two: {module: rewrite, limits: {<<: *limits, memory: 32MiB}}
        clusters:
          a: {<<: *cluster, endpoints: ["http://127.0.0.1:9001"]}
          b: {<<: *cluster, connections: 8, endpoints: ["http://127.0.0.1:9002"]}
        routes: [{match: {prefix: /}, cluster: a}]
        """)
    )
    assert [(its.limits.fuel, its.limits.memory >> 20) for its in config.policies.values()] == [
        (5_000_000, 16),
        (5_000_000, 32),
    ]
    assert [(its.read_timeout, its.connections) for its in config.clusters.values()] == [
        (2.0, 4),
        (2.0, 8),
    ]


def test_x_keys_below_the_top_are_mistakes(mistakes: Mistakes) -> None:
    """There a key of another name may be meant."""
    found = mistakes("""
        clusters: {a: {endpoints: ["http://127.0.0.1:9001"], x-note: 1}}
        routes: [{match: {prefix: /}, cluster: a}]
        """)
    assert [line[:40] for line in found] == ["1: clusters.a.x-note: unknown key; known"[:40]]


def test_editors_know_of_x_keys() -> None:
    """The schema has them."""
    assert json_schema()["patternProperties"] == {"^x-": {}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &a {x: 1, y: 2}\nit: {<<: *a, y: 3}", {"x": 1, "y": 3}),
        ("a: &a {x: 1, y: 2}\nit: {y: 3, <<: *a}", {"x": 1, "y": 3}),
        ("a: &a {x: 1}\nb: &b {x: 2, z: 2}\nit: {<<: [*a, *b]}", {"x": 1, "z": 2}),
        ("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nit: {<<: *b}", {"x": 1, "y": 2}),
        ("it: {<<: {x: 1}}", {"x": 1}),
        ("it: {'<<': 1}", {"<<": 1}),
    ],
)
def test_merge_keys_follow_their_definition(text: str, value: object) -> None:
    """What stands there itself wins, then what is merged first (yaml.org/type/merge)."""
    assert merged(text) == value


def test_a_merged_key_has_the_line_where_it_is_written(mistakes: Mistakes) -> None:
    """That is the line to mend."""
    found = mistakes("""
        x-c: &c
          connections: many
        clusters: {a: {<<: *c, endpoints: ["http://127.0.0.1:9001"]}}
        routes: [{match: {prefix: /}, cluster: a}]
        """)
    assert found == ["2: clusters.a.connections: must be a whole number"]


def bomb_of_merges() -> str:
    """Return twenty levels, each of which merges the one before twice."""
    levels = [f"l{at}: &l{at} {{<<: [*l{at - 1}, *l{at - 1}]}}" for at in range(1, 40)]
    return "\n".join(["l0: &l0 {x: 1}", *levels])


def wide_merges() -> str:
    """Return a wide mapping that is merged again and again, and brings in nothing more."""
    keys = ", ".join(f"k{at}: 1" for at in range(1000))
    return f"a: &a {{{keys}}}\nit: {{<<: [{', '.join(['*a'] * 110)}]}}"


@pytest.mark.parametrize("text", [bomb_of_merges(), wide_merges()], ids=["deep", "wide"])
def test_a_bomb_of_merges_is_stopped(text: str) -> None:
    """Also one that brings in nothing that counts as a value."""
    (problem,) = read_yaml(text).problems
    assert f"more than {MAX_NODES:,} values" in problem.text


def test_a_text_that_aliases_repeat_is_counted_each_time() -> None:
    """A megabyte named a thousand times is a gigabyte for a policy."""
    text = f"a: &a {'x' * 1_000_000}\nit: [{', '.join(['*a'] * 100)}]"
    (problem,) = read_yaml(text).problems
    assert "more than 16 MiB of text" in problem.text
