"""The models, made without a file."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from wasmgate import Capabilities, Limits, Policy
from wasmgate.config import LB_POLICIES, Cluster, GatewayConfig, Route
from wasmgate.config.models import CapabilitySettings, LimitSettings, PolicySettings

DATA = {
    "clusters": {"a": {"endpoints": ["http://127.0.0.1:9001"]}},
    "routes": [{"match": {"prefix": "/"}, "cluster": "a"}],
}


def test_limits_have_the_same_names_and_defaults_in_file_and_python() -> None:
    """One vocabulary, said twice only because the file has units."""
    assert LimitSettings().model_dump() == dataclasses.asdict(Limits())


def test_capabilities_have_the_same_names_in_file_and_python() -> None:
    """The same."""
    assert CapabilitySettings().model_dump() == dataclasses.asdict(Capabilities())


def test_policies_have_the_same_names_in_file_and_python() -> None:
    """But for the name, which is the key in the file, and for the file itself."""
    fields = {field.name for field in dataclasses.fields(Policy) if field.init}
    assert set(PolicySettings.model_fields) == fields - {"name", "origin"}


@pytest.mark.parametrize("name", LB_POLICIES)
def test_every_lb_policy_of_the_extension_can_be_configured(name: str) -> None:
    """The model takes each name that the extension knows, and has none of its own."""
    cluster = Cluster.model_validate({"endpoints": ["http://127.0.0.1:9001"], "lb_policy": name})
    assert cluster.lb_policy == name


def test_a_configuration_can_be_made_from_plain_data() -> None:
    """With the words of the file."""
    assert GatewayConfig.model_validate(DATA).clusters["a"].urls == ("http://127.0.0.1:9001",)


def test_names_must_meet_also_without_a_file() -> None:
    """A configuration that is made in Python gets the same check."""
    route = {"match": {"prefix": "/"}, "cluster": "b"}
    with pytest.raises(ValidationError, match=r"routes\[0\]\.cluster: no cluster is named 'b'"):
        GatewayConfig.model_validate(DATA | {"routes": [route]})


def test_models_are_frozen() -> None:
    """A configuration in use does not change; a new one replaces it."""
    with pytest.raises(ValidationError, match="frozen"):
        GatewayConfig.model_validate(DATA).listen = None  # type: ignore[misc, assignment]


def test_repr_shows_no_configuration() -> None:
    """Configurations hold keys."""
    policies = {"p": {"module": "jwt_auth", "configuration": {"keys": "s3cret"}}}
    assert "s3cret" not in repr(GatewayConfig.model_validate(DATA | {"policies": policies}))


@pytest.mark.parametrize(
    ("match", "name"), [({"prefix": "/a/"}, "/a/"), ({"host": "h", "prefix": "/a/"}, "h/a/")]
)
def test_a_route_is_called_by_its_host_and_prefix(match: dict[str, str], name: str) -> None:
    """In logs, metrics and the property `route_name`."""
    assert Route.model_validate({"match": match, "cluster": "a"}).name == name


def test_identity_headers_of_jwt_auth_are_stripped_without_being_named() -> None:
    """Clients may not send the headers that the policy writes, also if it does not run."""
    settings = PolicySettings(
        module="jwt_auth",
        configuration={"claims_to_headers": {"x-tenant": "tenant"}},
        strip_request_headers=("x-more", "x-tenant"),
    )
    expected = ("x-more", "x-tenant", "x-auth-user")
    assert settings.to_policy("auth").strip_request_headers == expected
