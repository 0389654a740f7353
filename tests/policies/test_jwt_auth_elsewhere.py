"""The module jwt_auth.wasm on a host that verifies no signatures: it does so itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.policies.issuer import bearer
from tests.policies.plain_host import PlainHost
from wasmgate.modules import locate

TOKENS = Path(__file__).parents[2] / "rust" / "policies" / "jwt_auth" / "tests" / "tokens.json"
SAMPLES: list[dict[str, Any]] = json.loads(TOKENS.read_text("utf-8"))


def host(sample: dict[str, Any]) -> PlainHost:
    """Start the module for one algorithm."""
    configuration = {
        "algorithms": [sample["alg"]],
        "keys": sample["keys"],
        "claims_to_headers": {"x-tier": "tier"},
    }
    return PlainHost(locate("jwt_auth"), json.dumps(configuration).encode())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["alg"])
def test_a_token_of_every_algorithm_passes(sample: dict[str, Any]) -> None:
    """Verified in WebAssembly the first time, remembered the second."""
    own = host(sample)
    for _ in range(2):
        assert own.request(bearer(sample["token"].encode())) is None
        assert (b"x-auth-user", b"ada") in own.fields


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["alg"])
def test_a_tampered_token_of_every_algorithm_is_refused(sample: dict[str, Any]) -> None:
    """One character of the signature differs."""
    token = bytearray(sample["token"].encode())
    token[-20] = ord("A") if token[-20] != ord("A") else ord("B")
    assert host(sample).request(bearer(bytes(token))) == 401


def test_two_tokens_are_a_bad_request() -> None:
    """The header map itself is asked for where the host has no such attribute."""
    fields = bearer(SAMPLES[0]["token"].encode())
    assert host(SAMPLES[0]).request(fields + fields) == 400


def test_client_copies_of_identity_headers_are_removed() -> None:
    """The host of this test does not remove them."""
    own = host(SAMPLES[0])
    forged = [(b"x-auth-user", b"root"), (b"x-tier", b"gold")]
    own.request(forged + bearer(SAMPLES[0]["token"].encode()))
    identity = [one for one in own.fields if one[0] in {b"x-auth-user", b"x-tier"}]
    assert identity == [(b"x-auth-user", b"ada")]
