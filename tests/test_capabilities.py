"""What a user may write under `capabilities`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from wasmgate import Capabilities, ConfigError
from wasmgate.policy.capabilities import KINDS, Mount


def test_a_capability_of_the_host_has_a_field() -> None:
    """The host names the kinds; an argument of `Capabilities` gives each its entries."""
    assert [field.name for field in dataclasses.fields(Capabilities)] == list(KINDS)


def test_nothing_is_allowed_by_default() -> None:
    """Each kind is an empty list."""
    assert set(vars(Capabilities()).values()) == {()}


@pytest.mark.parametrize("name", ["auth", "auth.internal:8080", "10.0.0.1:80", "[::1]:6379"])
def test_an_upstream_is_a_cluster_or_an_address(name: str) -> None:
    """An address has a port."""
    assert Capabilities(net=(name,)).net == (name,)


@pytest.mark.parametrize(
    ("key", "entry", "said"),
    [
        ("net", "http://a:80", "the name of a cluster or an address"),
        ("net", "a:0", "the name of a cluster or an address"),
        ("net", "a:65536", "the name of a cluster or an address"),
        ("net", "[::1]", "the name of a cluster or an address"),
        ("env", "A=B", "name of an environment variable"),
        ("read", "", "path"),
        ("foreign_functions", "", "name of a foreign function"),
        ("metrics", "*.a", "the name of a metric or a prefix"),
        ("metrics", "", "the name of a metric or a prefix"),
        ("shared_data", "", "name of a policy"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(key: str, entry: str, said: str) -> None:
    """With the key and what it should be."""
    with pytest.raises(ConfigError, match=f"{said}.*"):
        Capabilities(**{key: (entry,)})


@pytest.mark.parametrize("key", list(vars(Capabilities())))
def test_one_text_is_no_list(key: str) -> None:
    """`net="auth"` would allow four hosts of one letter."""
    with pytest.raises(ConfigError, match=f"capabilities.{key} must be a list of names"):
        Capabilities(**{key: "auth"})  # type: ignore[arg-type]


def test_a_path_may_be_a_path(tmp_path: Path) -> None:
    """Or text; and it may be seen elsewhere."""
    capabilities = Capabilities(read=(tmp_path, "keys/", Mount(tmp_path, at="own")))
    assert capabilities.mounts() == [
        (tmp_path.as_posix(), tmp_path),
        ("keys", Path("keys")),
        ("own", tmp_path),
    ]


def test_capabilities_are_values() -> None:
    """A list becomes a tuple: a later change of it changes nothing."""
    allowed = ["auth"]
    capabilities = Capabilities(net=allowed)  # type: ignore[arg-type]
    allowed.append("other")
    assert capabilities.net == ("auth",)
    assert hash(capabilities) == hash(Capabilities(net=("auth",)))
