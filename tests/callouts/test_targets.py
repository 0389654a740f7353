"""What a name for an upstream means."""

from __future__ import annotations

import pytest

from wasmgate.callouts.failure import CalloutFailed
from wasmgate.callouts.targets import Cluster, fixed, require, target
from wasmgate.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("auth.internal:8080", "http://auth.internal:8080"),
        ("auth.example.com:443", "https://auth.example.com:443"),
        ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_a_name_and_a_port(name: str, endpoint: str) -> None:
    """Port 443 means TLS; the addresses are judged."""
    found = target(name, {})
    assert (found.endpoint, found.checked) == (endpoint, True)


def test_a_cluster_is_the_operators_word() -> None:
    """So it is not judged, and its name may be anything."""
    found = target("auth:443", fixed({"auth:443": "https://10.0.0.7:8443"}))
    assert (found.endpoint, found.checked) == ("https://10.0.0.7:8443", False)


def test_a_cluster_says_which_endpoint_is_next() -> None:
    """Each time."""
    endpoints = iter(["http://a:1", "http://b:2"])
    clusters = {"site": Cluster(lambda: next(endpoints))}
    assert [target("site", clusters).host for _ in range(2)] == ["a", "b"]


def test_a_cluster_without_a_healthy_endpoint() -> None:
    """Is a failure that says so."""
    with pytest.raises(CalloutFailed, match="the cluster 'site' has no healthy endpoint"):
        target("site", {"site": Cluster(lambda: None)})


@pytest.mark.parametrize("name", ["auth", "auth:", "http://auth:80", "a b:80", "auth:80/x", ""])
def test_an_unknown_name(name: str) -> None:
    """Is a failure that names it."""
    with pytest.raises(CalloutFailed, match="there is no cluster"):
        target(name, {})


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:80", "ftp://a:1", "http://a:1/x", "http://u:p@a:1", "http://", "a"]
)
def test_a_cluster_that_is_no_endpoint(endpoint: str) -> None:
    """Is refused when the middleware is made."""
    with pytest.raises(
        ConfigError, match="the endpoint must be http://host:port or https://host:port"
    ):
        fixed({"auth": endpoint})


def test_an_entry_that_leads_nowhere_is_refused() -> None:
    """A cluster that is not there; an address needs none."""
    require(["auth", "auth.internal:8080", "[::1]:80"], {"auth"}, where="net")
    with pytest.raises(ConfigError, match="there is no cluster 'auht'"):
        require(["auth", "auht"], {"auth"}, where="net")
