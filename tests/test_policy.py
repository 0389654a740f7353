"""What a user may say about a policy, and what is refused at once."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate import Capabilities, ConfigError, FailurePolicy, Limits, Policy
from wasmgate.chain import as_policies

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("module", "name"),
    [("jwt_auth", "jwt_auth"), ("./own.wasm", "own"), (Path("a/b.c.wasm"), "b.c"), ("x/y", "y")],
)
def test_a_policy_is_named_after_its_module(module: str | Path, name: str) -> None:
    """The name without folder and suffix, until another is given."""
    assert Policy(module).name == name


def test_a_name_can_be_given() -> None:
    """Two policies of one module need two names."""
    assert Policy("jwt_auth", name="staff").name == "staff"


@pytest.mark.parametrize("name", ["a b", "-a", "ä", "x" * 65, "a/b", "a\n"])
def test_a_name_that_would_spoil_logs_is_refused(name: str) -> None:
    """Names go into logs, metrics and error lines as they are."""
    with pytest.raises(ConfigError, match="cannot name a policy"):
        Policy("jwt_auth", name=name)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (None, b""),
        ("text", b"text"),
        ("ä", "ä".encode()),
        (b"\x00\xff", b"\x00\xff"),
        ({"a": [1, True, None]}, b'{"a":[1,true,null]}'),
        ([], b"[]"),
        (False, b"false"),
    ],
)
def test_configuration_becomes_bytes(configuration: Any, expected: bytes) -> None:  # noqa: ANN401
    """Text and bytes as they are, anything else as compact JSON."""
    assert Policy("m", configuration=configuration).configuration_bytes == expected


@given(st.dictionaries(st.text(), JSON))
def test_a_dictionary_arrives_as_the_same_json(configuration: dict[str, Any]) -> None:
    """No value changes on its way to the policy, with any characters."""
    policy = Policy("m", vm_configuration=configuration)
    assert json.loads(policy.vm_configuration_bytes) == configuration


@pytest.mark.parametrize("configuration", [{"a": {1}}, {"a": float("nan")}, {"a": Path("x")}])
def test_configuration_that_json_cannot_hold_is_refused(configuration: Any) -> None:  # noqa: ANN401
    """At once and with the policy's name, not when the first request comes."""
    with pytest.raises(ConfigError, match="configuration of policy 'm'"):
        Policy("m", configuration=configuration)


def test_an_edit_after_the_fact_changes_nothing() -> None:
    """A policy does not share the caller's dictionary."""
    configuration = {"deny": ["/admin"]}
    policy = Policy("m", configuration=configuration)
    configuration["deny"].clear()
    assert policy.configuration_bytes == b'{"deny":["/admin"]}'


def test_repr_shows_no_configuration() -> None:
    """Configurations hold keys, and reprs end in logs."""
    assert "s3cret" not in repr(Policy("m", configuration={"keys": "s3cret"}))


def test_equal_policies_are_equal_and_hash_alike() -> None:
    """A reload keeps what did not change."""
    one = Policy("m", configuration={"a": 1}, capabilities=Capabilities(env=("A",)))
    other = Policy("m", configuration={"a": 1}, capabilities=Capabilities(env=("A",)))
    assert (one, hash(one)) == (other, hash(other))


def test_policies_differ_by_configuration() -> None:
    """Otherwise a reload would keep the old one."""
    assert Policy("m", configuration={"a": 1}) != Policy("m", configuration={"a": 2})


def test_replace_keeps_the_rest() -> None:
    """`dataclasses.replace` works on policies."""
    policy = dataclasses.replace(Policy("m", configuration={"a": 1}), name="n")
    assert (policy.name, policy.configuration_bytes) == ("n", b'{"a":1}')


def test_failure_policy_may_be_written_as_text() -> None:
    """As in gateway.yaml."""
    policy = Policy("m", failure_policy="open")  # type: ignore[arg-type]
    assert policy.failure_policy is FailurePolicy.OPEN


def test_an_unknown_failure_policy_is_refused() -> None:
    """The two that there are stand in the message."""
    with pytest.raises(ConfigError, match="must be 'closed' or 'open', not 'ajar'"):
        Policy("m", failure_policy="ajar")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["limits", "capabilities", "tenants"])
def test_a_dictionary_where_a_class_is_meant_is_refused(name: str) -> None:
    """When the policy is described; the class stands in the message."""
    said = rf"{name} must be wasmgate\.{name.title()}\(…\), not dict"
    arguments: dict[str, Any] = {name: {}}
    with pytest.raises(ConfigError, match=said):
        Policy("m", **arguments)


def test_stripped_headers_are_lower_case() -> None:
    """Field names are compared without case (RFC 9110 section 5.1)."""
    policy = Policy("m", strip_request_headers=("X-Auth-User",))
    assert policy.strip_request_headers == ("x-auth-user",)


@pytest.mark.parametrize("name", ["", "a b", "x:y", "x\r\ny", "ä"])
def test_a_header_name_must_be_a_token(name: str) -> None:
    """RFC 9110 section 5.1."""
    with pytest.raises(ConfigError, match="is not a header name"):
        Policy("m", strip_request_headers=(name,))


def test_one_text_where_a_list_is_meant_is_refused() -> None:
    """`strip_request_headers="x-user"` would strip six headers of one letter."""
    with pytest.raises(ConfigError, match="must be a list of names, not 'x-user'"):
        Policy("m", strip_request_headers="x-user")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, 1.5, "32MiB", True, None])
@pytest.mark.parametrize(
    "limit",
    [field.name for field in dataclasses.fields(Limits) if field.name != "background_share"],
)
def test_a_limit_is_a_whole_number_above_zero(limit: str, value: object) -> None:
    """Units are for gateway.yaml."""
    with pytest.raises(ConfigError, match=f"limits.{limit} must be a whole number"):
        Limits(**{limit: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "A=B", "1A", "A B"])
def test_an_environment_variable_has_a_name(name: str) -> None:
    """What a shell could set."""
    with pytest.raises(ConfigError, match="not the name of an environment variable"):
        Capabilities(env=(name,))


def test_the_environment_is_read_when_the_policy_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the variables that were named, with their values of that moment."""
    policy = Policy("m", capabilities=Capabilities(env=("WASMGATE_A",)))
    monkeypatch.setenv("WASMGATE_A", "1")
    monkeypatch.setenv("WASMGATE_B", "2")
    assert policy.environment() == {"WASMGATE_A": "1"}


def test_all_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error for all of them."""
    monkeypatch.setenv("WASMGATE_A", "1")
    policy = Policy("m", capabilities=Capabilities(env=("WASMGATE_B", "WASMGATE_A", "WASMGATE_C")))
    with pytest.raises(ConfigError, match="not set: WASMGATE_B, WASMGATE_C"):
        policy.environment()


def test_a_file_is_read(tmp_path: Path) -> None:
    """Any bytes: the host checks them."""
    (tmp_path / "own.wasm").write_bytes(b"\0asm")
    assert Policy(tmp_path / "own.wasm").read() == b"\0asm"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Here a link to itself: the system's own words, and the policy."""
    (tmp_path / "own.wasm").symlink_to("own.wasm")
    with pytest.raises(ConfigError, match=r"there is no module .*own\.wasm"):
        Policy(tmp_path / "own.wasm").read()


def test_policies_of_one_name_get_names_of_their_own() -> None:
    """Those that are named keep theirs; the configuration is the one that was given."""
    long = "a" * 64
    given = [
        *(Policy("own.wasm", configuration={"n": number}) for number in range(3)),
        Policy("other.wasm", name="own_2"),
        Policy("own.wasm", name=long),
        Policy("own.wasm", name=long),
    ]
    made = as_policies(given)
    assert [policy.name for policy in made] == [
        "own",
        "own_3",
        "own_4",
        "own_2",
        long,
        f"{long[:62]}_2",
    ]
    assert [policy.configuration_bytes for policy in made[:3]] == [
        b'{"n":0}',
        b'{"n":1}',
        b'{"n":2}',
    ]
