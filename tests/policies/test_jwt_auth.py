"""The module jwt_auth.wasm: which requests pass, with what, and what the others are told."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import TYPE_CHECKING, Literal

import pytest

from tests.native.chain_request import Request
from tests.policies.issuer import Issuer, bearer, shared_secret_token
from wasmgate import PolicyLoadError
from wasmgate._native import Chain, Host
from wasmgate.policies import jwt_auth

if TYPE_CHECKING:
    from tests.native.chain_request import Fields
    from wasmgate import Policy


def chain(host: Host, policy: Policy) -> Chain:
    """Load a policy alone."""
    return Chain([policy.load(host)])


def rs256(
    keys: Issuer,
    *,
    issuer: str | None = None,
    audience: str | None = None,
    realm: str | None = None,
    forward: bool = True,
    claims_to_headers: dict[str, str] | None = None,
) -> Policy:
    """Make the policy for an issuer's tokens."""
    return jwt_auth(
        algorithms=["RS256"],
        keys=keys.public,
        issuer=issuer,
        audience=audience,
        realm=realm,
        forward=forward,
        claims_to_headers=claims_to_headers,
    )


def upstream(request: Request) -> Fields:
    """Return the fields that went on."""
    assert request.upstream.head is not None
    return request.upstream.head[1]


def challenge(request: Request) -> bytes | None:
    """Return what the client is told about credentials."""
    assert request.client.head is not None
    return dict(request.client.head[1]).get(b"www-authenticate")


def test_a_valid_token_passes_with_its_user(host: Host, issuer: Issuer) -> None:
    """The server behind learns who it is."""
    request = Request(chain(host, rs256(issuer)), headers=bearer(issuer.token()))
    assert (b"x-auth-user", b"ada") in upstream(request)


def test_a_remembered_token_passes_with_its_user(host: Host, issuer: Issuer) -> None:
    """The second request with a token is answered from memory."""
    own, fields = chain(host, rs256(issuer)), bearer(issuer.token())
    first, second = (Request(own, headers=fields) for _ in range(2))
    assert upstream(second) == upstream(first)


def test_client_copies_of_identity_headers_never_go_on(host: Host, issuer: Issuer) -> None:
    """Not those that the token grants, nor those that it does not."""
    own = chain(host, rs256(issuer, claims_to_headers={"x-tier": "tier"}))
    forged = [(b"x-auth-user", b"root"), (b"x-auth-user", b"admin"), (b"x-tier", b"gold")]
    request = Request(own, headers=forged + bearer(issuer.token()))
    identity = [field for field in upstream(request) if field[0] in {b"x-auth-user", b"x-tier"}]
    assert identity == [(b"x-auth-user", b"ada")]


def test_the_policy_itself_removes_them_on_a_host_that_does_not(host: Host, issuer: Issuer) -> None:
    """`strip_request_headers` is wasmgate's, the module is for every host."""
    policy = jwt_auth(
        algorithms=["RS256"], keys=issuer.public, claims_to_headers={"x-tier": "tier"}
    )
    object.__setattr__(policy, "strip_request_headers", ())
    own = Chain([policy.load(host)])
    for _ in range(2):
        fields = [(b"x-tier", b"gold"), (b"x-auth-user", b"root")]
        request = Request(own, headers=fields + bearer(issuer.token()))
        names = [name for name, _ in upstream(request)]
        assert (names.count(b"x-tier"), names.count(b"x-auth-user")) == (0, 1)


def test_claims_become_headers(host: Host, issuer: Issuer) -> None:
    """Text as it is, everything else as JSON."""
    own = chain(host, rs256(issuer, claims_to_headers={"x-tier": "tier", "x-roles": "roles"}))
    token = issuer.token(tier="gold", roles=["a", "b"])
    fields = upstream(Request(own, headers=bearer(token)))
    assert {(b"x-tier", b"gold"), (b"x-roles", b'["a","b"]')} <= set(fields)


def test_the_token_can_be_kept_from_the_server_behind(host: Host, issuer: Issuer) -> None:
    """With `forward` off."""
    request = Request(chain(host, rs256(issuer, forward=False)), headers=bearer(issuer.token()))
    assert b"authorization" not in dict(upstream(request))


def test_no_token_is_challenged(host: Host, issuer: Issuer) -> None:
    """With the realm, and without an error: nothing was wrong yet (RFC 6750 section 3.1)."""
    request = Request(chain(host, rs256(issuer, realm="orders")))
    assert (request.status, challenge(request)) == (401, b'Bearer realm="orders"')
    assert not request.passed


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1_000_000_000}, b"the token has expired"),
        ({"exp": None}, b"the token has no expiry"),
        ({"nbf": 4_000_000_000}, b"the token is not valid yet"),
        ({"aud": "billing"}, b"the token is meant for another audience"),
        ({"iss": "https://other.example"}, b"the token's issuer is not accepted"),
        ({"sub": "a\r\nx-admin: 1"}, b"the token names no user"),
        ({"sub": None}, b"the token names no user"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(
    host: Host, issuer: Issuer, claims: dict[str, object], reason: bytes
) -> None:
    """And the client is told why."""
    own = chain(host, rs256(issuer, audience="orders", issuer="https://issuer.example"))
    token = issuer.token(**{"aud": "orders", "iss": "https://issuer.example"} | claims)
    request = Request(own, headers=bearer(token))
    expected = b'Bearer error="invalid_token", error_description="%s"' % reason
    assert (request.status, challenge(request)) == (401, expected)


def test_a_refusal_has_a_problem_document(host: Host, issuer: Issuer) -> None:
    """RFC 9457; nothing of the token is in it."""
    request = Request(chain(host, rs256(issuer)), headers=bearer(issuer.token(exp=1)))
    assert request.client.head is not None
    assert (b"content-type", b"application/problem+json") in request.client.head[1]
    detail = "the token has expired"
    expected = {"title": "Unauthorized", "status": 401, "detail": detail}
    assert json.loads(request.client.body) == expected


def test_a_tampered_token_is_refused(host: Host, issuer: Issuer) -> None:
    """Also when the token it was made from is remembered."""
    own, token = chain(host, rs256(issuer)), issuer.token()
    assert Request(own, headers=bearer(token)).passed
    header, _, signature = token.split(b".")
    _, payload, _ = issuer.token(sub="root").split(b".")
    tampered = b".".join([header, payload, signature])
    request = Request(own, headers=bearer(tampered))
    assert b"signature is not valid" in (challenge(request) or b"")


def test_a_token_of_another_issuer_is_refused(host: Host, issuer: Issuer) -> None:
    """For any user that it names."""
    request = Request(chain(host, rs256(issuer)), headers=bearer(Issuer().token()))
    assert request.status == 401


@pytest.mark.parametrize(
    "values",
    [
        [b"Bearer"],
        [b"Bearer a b"],
        [b"Bearer a,b"],
        [b"Bearer " + b"a" * 20_000],
        [b"Bearer \xff"],
    ],
)
def test_what_cannot_be_a_token_is_a_bad_request(
    host: Host, issuer: Issuer, values: list[bytes]
) -> None:
    """RFC 6750 section 3.1: invalid_request."""
    fields = [(b"authorization", value) for value in values]
    request = Request(chain(host, rs256(issuer)), headers=fields)
    assert (request.status, b'error="invalid_request"' in (challenge(request) or b"")) == (
        400,
        True,
    )


def test_two_tokens_are_a_bad_request(host: Host, issuer: Issuer) -> None:
    """Also when the first is remembered: the server behind might read the second."""
    own, fields = chain(host, rs256(issuer)), bearer(issuer.token())
    assert Request(own, headers=fields).passed
    request = Request(own, headers=fields + bearer(b"e30.e30."))
    assert request.status == 400


def test_a_remembered_token_ends_with_its_expiry(host: Host, issuer: Issuer) -> None:
    """Memory never outlives `exp`."""
    own, fields = chain(host, rs256(issuer)), bearer(issuer.token(exp=time.time() + 1))
    assert Request(own, headers=fields).passed
    deadline = time.monotonic() + 10
    while Request(own, headers=fields).passed:
        assert time.monotonic() < deadline
    request = Request(own, headers=fields)
    assert b"the token has expired" in (challenge(request) or b"")


def test_a_flood_of_distinct_tokens_stays_within_the_memory(host: Host) -> None:
    """More of them than are remembered; the instance has its default 32 MiB."""
    secret = "s" * 32
    policy = jwt_auth(algorithms=["HS256"], keys={"secret": secret})
    own = Chain([policy.load(host)])
    for number in range(5000):
        claims = {"sub": f"user-{number}", "exp": 4_000_000_000, "pad": "x" * 3000}
        request = Request(own, headers=bearer(shared_secret_token(claims, secret)))
        assert request.passed
        request.close()


def test_an_unusable_key_is_named_when_the_policy_is_loaded(host: Host) -> None:
    """With what to try."""
    policy = jwt_auth(algorithms=["RS256"], keys="nonsense")
    with pytest.raises(PolicyLoadError, match="keys: the text is neither PEM nor a JWK"):
        policy.load(host)


def user(
    host: Host, claims: str, encoding: Literal["utf8", "percent"] | None = None
) -> bytes | int | None:
    """Return the user that goes on with a token of these claims, or the status of the refusal."""
    secret = "0123456789abcdef0123456789abcdef"
    policy = jwt_auth(algorithms=["HS256"], keys={"secret": secret}, claims_encoding=encoding)
    parts = [b'{"alg":"HS256"}', b'{"exp":4000000000,' + claims.encode() + b"}"]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    code = hmac.digest(secret.encode(), text, "sha256")
    token = text + b"." + base64.urlsafe_b64encode(code).rstrip(b"=")
    request = Request(chain(host, policy), headers=bearer(token))
    return dict(upstream(request))[b"x-auth-user"] if request.passed else request.status


@pytest.mark.parametrize("digits", ["7", "98765432109876543210", "98765432109876543299", "-5"])
def test_a_number_names_the_user_in_its_own_digits(host: Host, digits: str) -> None:
    """Through a float two users would become one."""
    assert user(host, f'"sub":{digits}') == digits.encode()


@pytest.mark.parametrize(
    "claims",
    [
        '"sub":1e2',
        '"sub":100.0',
        '"sub":-0',
        '"sub":1e400',
        '"sub":"a","sub":"b"',
        '"sub":"\\ud800"',
        '"sub":" ada"',
        '"sub":"ada\\u00a0"',
        '"sub":"a\\u0085b"',
    ],
)
def test_a_user_that_two_readers_could_read_differently_is_refused(host: Host, claims: str) -> None:
    """With 401, as any other token that does not hold."""
    assert user(host, claims) == 401


def test_a_user_that_is_not_ascii_goes_on_in_utf8_or_percent_encoded(host: Host) -> None:
    """As `claims_encoding` says."""
    claims = '"sub":"Zo\\u00eb 100%"'
    assert user(host, claims) == "Zo\u00eb 100%".encode()
    assert user(host, claims, "percent") == b"Zo%C3%AB%20100%25"
