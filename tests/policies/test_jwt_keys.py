"""Keys for jwt_auth.wasm as issuers publish them, and what is said of invalid ones."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from jose import jwt

from tests.native.chain_request import Request
from tests.policies.issuer import bearer
from wasmgate import Policy, PolicyLoadError
from wasmgate._native import Chain, Host
from wasmgate.policies import jwt_auth

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def base64url(data: bytes) -> str:
    """Encode as JWK does."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(kid: str, key: rsa.RSAPrivateKey = KEY) -> dict[str, Any]:
    """Return the public half of an RSA key."""
    modulus = key.public_key().public_numbers().n
    n = base64url(modulus.to_bytes(key.key_size // 8, "big"))
    return {"kty": "RSA", "kid": kid, "use": "sig", "n": n, "e": "AQAB"}


def ed25519_jwk(**members: str) -> dict[str, Any]:
    """Return the public half of the Ed25519 key."""
    raw = ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)} | members


def public(key: PublicKeyTypes) -> str:
    """Return a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(
    subject: str, issuer: str, key: rsa.RSAPrivateKey = KEY, by: rsa.RSAPrivateKey = KEY
) -> x509.Certificate:
    """Make a certificate that has expired."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]) for cn in (subject, issuer)]
    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1])
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(day).not_valid_after(day + dt.timedelta(days=1))
    return builder.sign(by, hashes.SHA256())


def pem(own: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return own.public_bytes(Encoding.PEM).decode()


def status(host: Host, keys: Any, kid: str | None = None) -> int | None:  # noqa: ANN401 (JSON)
    """Send a token of KEY to a policy with these keys; None is one that passed."""
    own = Chain([jwt_auth(algorithms=["RS256"], keys=keys).load(host)])
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    headers = None if kid is None else {"kid": kid}
    claims = {"sub": "ada", "exp": 4_000_000_000}
    token = jwt.encode(claims, private, algorithm="RS256", headers=headers)
    return Request(own, headers=bearer(token.encode())).status


def refusal(host: Host, keys: Any, algorithm: str = "RS256") -> str:  # noqa: ANN401 (JSON)
    """Return what the module says of keys that are refused."""
    configuration = {"algorithms": [algorithm], "keys": keys}
    with pytest.raises(PolicyLoadError) as caught:
        Policy("jwt_auth", configuration=configuration).load(host)
    return str(caught.value)


UNUSABLE: dict[str, dict[str, Any]] = {
    "another curve": {"kty": "EC", "crv": "secp256k1", "kid": "k", "x": "AQ", "y": "AQ"},
    "too short": jwk("k", rsa.generate_private_key(65537, 1024)),  # noqa: S505
    "an x5c of garbage": {"kty": "RSA", "kid": "k", "x5c": ["MIIB"]},
    "missing members": {"kty": "RSA", "kid": "k"},
    "not base64url": {"kty": "RSA", "kid": "k", "n": "+/==", "e": "AQAB"},
    "an unknown type": {"kty": "AKP", "kid": "k", "alg": "ML-DSA-44"},
    "no type": {"kid": "k"},
    "Ed448": {"kty": "OKP", "crv": "Ed448", "kid": "k", "x": "AQ"},
    "for encryption": jwk("k") | {"use": "enc"},
    "an algorithm for encryption": jwk("k") | {"alg": "RSA-OAEP"},
    "an algorithm that does not fit": jwk("k") | {"alg": "ES256"},
    "a point off the curve": {"kty": "EC", "crv": "P-256", "kid": "k"}
    | dict.fromkeys("xy", "A" * 43),
    "a shared secret": {"kty": "oct", "kid": "k", "k": "A" * 43},
    "a private key": jwk("k") | {"d": "AQ"},
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_key_of_a_set_that_cannot_be_used_is_left_out(host: Host, name: str) -> None:
    """The others serve (RFC 7517 section 5)."""
    for keys in ([UNUSABLE[name], jwk("a")], [jwk("a"), UNUSABLE[name]]):
        assert status(host, {"keys": keys}, "a") is None


@pytest.mark.parametrize("name", [name for name in UNUSABLE if name != "a shared secret"])
def test_a_set_of_which_no_key_can_be_used_is_refused_with_the_reasons(
    host: Host, name: str
) -> None:
    """One for each key."""
    said = refusal(host, {"keys": [UNUSABLE[name]]})
    assert "keys: none of the 1 keys of the set can be used: key 0" in said


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("own", [{}, {"alg": "EdDSA"}, {"alg": "Ed25519"}])
@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
def test_ed25519_has_two_names(host: Host, algorithm: str, own: dict[str, str], named: str) -> None:
    """In the configuration, in the key and in the token (RFC 8037, RFC 9864)."""
    chain = Chain([jwt_auth(algorithms=[algorithm], keys=ed25519_jwk(**own)).load(host)])
    parts = ({"alg": named}, {"sub": "ada", "exp": 4_000_000_000})
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    token = f"{text}.{base64url(ED25519.sign(text.encode()))}"
    assert Request(chain, headers=bearer(token.encode())).status is None


def test_a_certificate_serves_as_the_key_that_it_is_about(host: Host) -> None:
    """Its dates do not count: what is configured is trusted."""
    assert status(host, pem(certificate("a", "a"))) is None


def test_of_a_chain_of_certificates_the_first_serves(host: Host) -> None:
    """Those that signed it sign no tokens."""
    authority = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf = pem(certificate("leaf", "root", KEY, authority))
    root = pem(certificate("root", "root", authority, authority))
    assert status(host, leaf + root) is None
    forged = pem(certificate("leaf", "root", authority, authority))
    signer = pem(certificate("root", "root", KEY, KEY))
    assert status(host, forged + signer) == 401


def test_a_jwk_with_nothing_but_certificates_serves(host: Host) -> None:
    """Its first certificate (RFC 7517 section 4.7)."""
    der = certificate("a", "a").public_bytes(Encoding.DER)
    key = {"kty": "RSA", "kid": "a", "x5c": [base64.b64encode(der).decode()]}
    assert status(host, {"keys": [key]}, "a") is None


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("of", ["certificate", "key"])
def test_a_map_of_pem_texts_by_their_kid_serves(host: Host, of: str, *, as_text: bool) -> None:
    """As Firebase publishes its certificates."""
    own = pem(certificate("a", "a")) if of == "certificate" else public(KEY.public_key())
    other = public(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())
    keys: Any = {"a": own, "b": other}
    keys = json.dumps(keys) if as_text else keys
    assert status(host, keys, "a") is None
    assert status(host, keys, "b") == 401
    assert status(host, keys, "c") == 401


OLD_PEM = KEY.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")
).decode()
SSH = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
PEM = public(KEY.public_key())
SECP256K1 = public(ec.generate_private_key(ec.SECP256K1()).public_key())


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (
            OLD_PEM,
            "a private key was given; write its public key: openssl pkey -in key.pem -pubout",
        ),
        (OLD_PEM.replace("RSA ", "ENCRYPTED "), "a private key was given"),
        (
            OLD_PEM.replace("RSA ", "OPENSSH "),
            "a private key was given; write its public key: ssh-",
        ),
        (PEM.replace("\n", "\\n"), "its line breaks are written as two characters, \\n"),
        ("".join(PEM.splitlines()[1:-1]), "a key without its PEM lines was given"),
        (SSH, "an SSH key was given"),
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        ("<!DOCTYPE html><html>", "an HTML or XML page was given"),
        ("https://login.example/jwks.json", "an address was given, and keys are not fetched"),
        ("keys/issuer.pub.pem", "a path was given; write {file: ...} in gateway.yaml, Path("),
        ("eyJhbGciOiJub25lIn0.e30.x", "a token was given"),
        ("\0\x01", "the text is binary"),
        ('{"keys": [', "the text begins like JSON and cannot be read"),
        ('{"jwks_uri": "https://login.example/jwks"}', "the OpenID configuration was given"),
        ({"file": "a.pem"}, "{file: ...} is read in gateway.yaml alone"),
        (PEM.replace("-----BEGIN", "--BEGIN"), "needs five hyphens"),
        (PEM.replace("-----END", "-----FIN"), "has no END line"),
        (PEM.replace("PUBLIC KEY", "CERTIFICATE"), "does not hold an X.509 certificate"),
        (PEM.replace("PUBLIC", "RSA PUBLIC"), "holds a key with its type; write PUBLIC KEY"),
        (PEM.replace("PUBLIC KEY", "CERTIFICATE REQUEST"), "a request for a certificate was given"),
        (PEM.replace("PUBLIC KEY", "PKCS7"), "PKCS #7 was given"),
        (PEM.replace("PUBLIC KEY", "EC PARAMETERS"), "parameters without a key"),
        (pem(certificate("a", "a")).replace("CERTIFICATE", "PUBLIC KEY"), "holds a certificate"),
        (SECP256K1, "the EC key is on secp256k1; it must be on P-256, P-384 or P-521"),
        (jwk("k") | {"d": "AQ"}, "a private key was given; leave out `d`"),
        (UNUSABLE["another curve"], "its curve secp256k1 is not P-256, P-384 or P-521"),
        (UNUSABLE["too short"], "the RSA key has 1024 bits; 2048 to 8192 are accepted"),
        (UNUSABLE["for encryption"], "its `use` is enc, so it does not verify signatures"),
        (public(ED25519.public_key()), "needs an RSA key: key is an Ed25519 key for EdDSA"),
        ({"secret": "s" * 32}, "needs an RSA key: key is a secret of 32 bytes for HS256"),
        ("${ISSUER_KEY}", "a placeholder that was not expanded"),
        ("$ISSUER_KEY", "a placeholder that was not expanded"),
    ],
)
def test_what_is_no_key_is_told_what_it_is(host: Host, keys: Any, reason: str) -> None:  # noqa: ANN401
    """Not what it is not."""
    said = refusal(host, keys)
    assert "keys: " in said
    assert reason in said


def test_a_secret_that_is_too_short_is_told_its_length(host: Host) -> None:
    """And never what it is."""
    said = refusal(host, {"secret": "hunter2"}, "HS256")
    assert "needs a secret of 32 bytes or more: key is a secret of 7 bytes" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "secret",
    [
        "${ORDERS_SERVICE_JWT_SIGNING_SECRET}",
        "${ORDERS_SERVICE_JWT_SIGNING_SECRET:-none}",
        "$ORDERS_SERVICE_JWT_SIGNING_SECRET",
        "{{ orders_service_jwt_signing_secret }}",
        "%ORDERS_SERVICE_JWT_SIGNING_SECRET%",
        "<your-256-bit-secret-that-is-long>",
    ],
)
def test_a_secret_that_was_to_come_from_a_variable_is_refused(host: Host, secret: str) -> None:
    """The name of a variable is public."""
    said = refusal(host, {"secret": secret}, "HS256")
    assert "keys.secret: the text looks like a placeholder that was not expanded" in said
    assert 'os.environ["NAME"]' in said
