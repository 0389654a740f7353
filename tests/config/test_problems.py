"""How a mistake is shown."""

from __future__ import annotations

import pytest

from wasmgate.config.problems import Problem
from wasmgate.origins import key_path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("routes", 1, "cluster"), "routes[1].cluster"),
        (("policies", "auth"), "policies.auth"),
        (("policies", "a b", "x"), "policies['a b'].x"),
        ((), ""),
    ],
)
def test_a_path_is_written_as_a_person_would(path: tuple[str | int, ...], shown: str) -> None:
    """Keys with other letters are quoted."""
    assert key_path(path) == shown


def test_a_problem_names_file_line_and_key() -> None:
    """In the form that editors jump to."""
    problem = Problem(14, ("routes", 1, "cluster"), "no cluster is named 'ordrs'", "write orders")
    assert problem.shown("gateway.yaml") == (
        "gateway.yaml:14: routes[1].cluster: no cluster is named 'ordrs'"
    )


def test_a_problem_of_the_whole_file_names_no_key() -> None:
    """It has no key path."""
    assert (
        Problem(1, (), "the file is empty", "write").shown("g.yaml")
        == "g.yaml:1: the file is empty"
    )
