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
    assert [one[:2] for one in dangling(data)] == [
        (("default_policies", 0), "no policy is named 'limits' (did you mean 'limit'?)"),
        (("routes", 0, "policies", 1), "no policy is named 'x'"),
        (("routes", 0, "cluster"), "no cluster is named 'ordrs' (did you mean 'orders'?)"),
    ]


def test_every_capability_that_leads_nowhere_is_found() -> None:
    """Clusters, spaces of shared data, and the host's own foreign functions."""
    capabilities = {
        "net": ["orders", "ordrs", "auth.internal:80", "a b"],
        "shared_data": ["limit", "common", "limits"],
        "foreign_functions": ["wasmgate.limits.hit", "wasmgate.limit.hit", "acme.lookup"],
    }
    policies = {"auth": {"vm_id": "common", "capabilities": capabilities}, "limit": {}}
    said = {path[2:]: text for path, text, _ in dangling(KNOWN | {"policies": policies})}
    assert said == {
        ("capabilities", "net", 1): "no cluster is named 'ordrs' (did you mean 'orders'?); "
        "an address has a port, such as ordrs:8080",
        ("capabilities", "shared_data", 2): "no policy (or vm_id) is named 'limits' "
        "(did you mean 'limit'?)",
        ("capabilities", "foreign_functions", 1): "no foreign function of the host is named "
        "'wasmgate.limit.hit' (did you mean 'wasmgate.limits.hit'?)",
    }


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
    named = {"a": {"capabilities": {"net": data, "shared_data": data}, "vm_id": data}}
    list(dangling({"routes": data, "policies": data, "default_policies": data}))
    list(dangling({"policies": named, "clusters": data}))


def test_a_guess_is_only_made_when_it_is_close() -> None:
    """A wrong suggestion is worse than none."""
    assert (guess("ordrs", ["orders", "site"]), guess("zzz", ["orders"])) == (
        " (did you mean 'orders'?)",
        "",
    )


def test_a_policy_that_stands_twice_in_a_chain_is_found() -> None:
    """However it is written: it would run with one configuration at both places."""
    own: dict[str, Any] = {"limit": {"configuration": {}}}
    data = KNOWN | {
        "default_policies": ["limit", "auth", "limit"],
        "routes": [{"cluster": "orders", "policies": ["limit", own]}],
    }
    assert [path for path, *_ in dangling(data)] == [
        ("default_policies", 2),
        ("routes", 0, "policies", 1),
    ]
