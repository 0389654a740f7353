"""The factories of the bundled policies: what they configure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wasmgate import ConfigError, FailurePolicy, Limits, Policy
from wasmgate.policies import identity_headers, jwt_auth, rate_limit, rewrite

if TYPE_CHECKING:
    from pathlib import Path


def configured(policy: Policy) -> dict[str, Any]:
    """Return the configuration as the policy gets it."""
    configuration: dict[str, Any] = json.loads(policy.configuration_bytes)
    return configuration


def test_jwt_auth_leaves_out_what_was_not_said() -> None:
    """So that the policy's own defaults hold."""
    assert configured(jwt_auth(algorithms=["RS256"], keys="PEM")) == {
        "algorithms": ["RS256"],
        "keys": "PEM",
        "leeway": 0,
        "user_claim": "sub",
        "user_header": "x-auth-user",
        "claims_to_headers": {},
        "forward": True,
    }


def test_jwt_auth_reads_a_key_file_at_once(tmp_path: Path) -> None:
    """A file that is changed later does not change the policy."""
    path = tmp_path / "issuer.pem"
    path.write_text("PEM", "utf-8")
    policy = jwt_auth(algorithms=["RS256"], keys=path)
    path.write_text("other", "utf-8")
    assert configured(policy)["keys"] == "PEM"


def test_jwt_auth_reads_a_secret_file(tmp_path: Path) -> None:
    """A secret need not stand in the program."""
    path = tmp_path / "secret"
    path.write_text("s3cret", "utf-8")
    policy = jwt_auth(algorithms=["HS256"], keys={"secret": path})
    assert configured(policy)["keys"] == {"secret": "s3cret"}


def test_jwt_auth_names_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    """Before anything is loaded."""
    path = tmp_path / "none.pem"
    with pytest.raises(ConfigError, match=r"none\.pem cannot be read"):
        jwt_auth(algorithms=["RS256"], keys=path)


def test_jwt_auth_says_that_a_key_file_is_binary(tmp_path: Path) -> None:
    """DER is what openssl and Java write beside PEM."""
    path = tmp_path / "key.der"
    path.write_bytes(b"\x30\x82\x01\x22\x30\x0d\x06\x09")
    with pytest.raises(ConfigError, match=r"key\.der is binary") as caught:
        jwt_auth(algorithms=["RS256"], keys=path)
    assert "openssl pkey -pubin -inform DER" in caught.value.hint


def test_jwt_auth_has_client_copies_of_its_headers_removed() -> None:
    """Also when the policy never runs."""
    policy = jwt_auth(
        algorithms=["RS256"],
        keys="PEM",
        user_header="x-user",
        claims_to_headers={"x-tier": "tier"},
    )
    assert policy.strip_request_headers == ("x-user", "x-tier")


def test_identity_headers_of_an_empty_configuration_are_the_default() -> None:
    """As a gateway.yaml may leave out `user_header`."""
    assert identity_headers({}) == ("x-auth-user",)


def test_identity_headers_are_in_lower_case() -> None:
    """Names are case-insensitive, and the policy takes them in any case."""
    configuration: dict[str, Any] = {
        "user_header": "X-User",
        "claims_to_headers": {"X-Tenant": "tenant"},
    }
    assert identity_headers(configuration) == ("x-user", "x-tenant")


def test_rate_limit_takes_the_limit_for_the_burst_if_none_is_said() -> None:
    """The policy does, so the key is left out."""
    assert "burst" not in configured(rate_limit(limit="100/minute"))


def test_rate_limit_configures_all_it_is_told() -> None:
    """Under the names that gateway.yaml has."""
    policy = rate_limit(limit="100/minute", burst=20, key={"header": "x-api-key"}, slots=8)
    assert configured(policy) == {
        "limit": "100/minute",
        "burst": 20,
        "key": {"header": "x-api-key"},
        "slots": 8,
        "headers": True,
    }


def test_rewrite_configures_all_it_is_told() -> None:
    """Patterns are pairs here and have names there."""
    policy = rewrite(
        path_prefix={"/v1/": "/"},
        path_regex=[("^/a", "/b")],
        host="orders",
        request_headers={"set": {"x-tier": "gold"}},
        response_headers={"remove": ["server"]},
    )
    assert configured(policy) == {
        "path_prefix": {"/v1/": "/"},
        "path_regex": [{"pattern": "^/a", "replacement": "/b"}],
        "host": "orders",
        "request_headers": {"set": {"x-tier": "gold"}},
        "response_headers": {"remove": ["server"]},
    }


def test_every_factory_takes_what_any_policy_takes() -> None:
    """Name, limits and failure policy."""
    limits = Limits(fuel=1)
    policy = rewrite(name="own", limits=limits, failure_policy=FailurePolicy.OPEN)
    expected = ("own", limits, FailurePolicy.OPEN)
    assert (policy.name, policy.limits, policy.failure_policy) == expected
