"""Names that must meet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.config.references import dangling, guess

KNOWN: dict[str, Any] = {"policies": {"auth": {}, "limit": {}}, "clusters": {"orders": {}}}


def test_names_that_meet_are_fine() -> None:
    """Nothing is said."""
    data = KNOWN | {
        "default_policies": ["limit"],
        "routes": [{"cluster": "orders", "policies": ["auth"]}],
    }
    assert list(dangling(data)) == []


def test_every_name_that_nothing_has_is_found() -> None:
    """With its path and what may have been meant."""
    data = KNOWN | {
        "default_policies": ["limits"],
        "routes": [{"cluster": "ordrs", "policies": ["auth", "x"]}],
    }
    assert list(dangling(data)) == [
        (("default_policies", 0), "no policy is named 'limits' (did you mean 'limit'?)"),
        (("routes", 0, "policies", 1), "no policy is named 'x'"),
        (("routes", 0, "cluster"), "no cluster is named 'ordrs' (did you mean 'orders'?)"),
    ]


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {"routes": 1}, {"routes": [1, None, {"cluster": 1, "policies": "auth"}]}],
)
def test_other_mistakes_are_left_to_the_models(data: object) -> None:
    """Where no name can be read, none is missed."""
    assert list(dangling(data)) == []


@given(st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_data_is_looked_at_without_an_exception(data: object) -> None:
    """It runs before anything has been checked."""
    list(dangling({"routes": data, "policies": data, "default_policies": data}))


def test_a_guess_is_only_made_when_it_is_close() -> None:
    """A wrong suggestion is worse than none."""
    assert (guess("ordrs", ["orders", "site"]), guess("zzz", ["orders"])) == (
        " (did you mean 'orders'?)",
        "",
    )
