"""The certificate that `wasmgate run` shows: what is said about one that cannot be used."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from wasmgate import ConfigError
from wasmgate.gateway.certificate import checked, read

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes as Key,
    )

PEM, DER = Encoding.PEM, Encoding.DER
PKCS8, OLD = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
DAY = dt.timedelta(days=1)


def signed(key: Key, *, begins: int = -1, ends: int = 1) -> x509.Certificate:
    """Make a certificate of its own for a key; its time in days from now."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gate.test")])
    now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    digest = None if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)) else SHA
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .sign(key, digest)
    )


SHA = hashes.SHA256()
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
CERTIFICATE, OTHERS = signed(KEY).public_bytes(PEM), signed(OTHER).public_bytes(PEM)


def secret(key: Key, form: PrivateFormat = PKCS8, password: bytes | None = None) -> bytes:
    """Write a private key in PEM."""
    cipher = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(PEM, form, cipher)


def public(key: Key) -> bytes:
    """Write a public key in PEM."""
    return key.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo)


def files(folder: Path, chain: bytes, key: bytes) -> tuple[Path, Path]:
    """Write both files."""
    paths = folder / "chain.pem", folder / "key.pem"
    for path, content in zip(paths, (chain, key), strict=True):
        path.write_bytes(content)
    return paths


GOOD = {
    "ECDSA": (CERTIFICATE, secret(KEY)),
    "in the older form of a key": (CERTIFICATE, secret(KEY, OLD)),
    "RSA": (signed(RSA).public_bytes(PEM), secret(RSA)),
    "RSA in its older form": (signed(RSA).public_bytes(PEM), secret(RSA, OLD)),
    "with an issuer behind it": (CERTIFICATE + OTHERS, secret(KEY)),
    "with the key in the same file": (CERTIFICATE + secret(KEY), CERTIFICATE + secret(KEY)),
    "with text around it": (b"Subject: a\r\n" + CERTIFICATE + b"the end", b"a\n" + secret(KEY)),
    "with CR LF": (CERTIFICATE.replace(b"\n", b"\r\n"), secret(KEY).replace(b"\n", b"\r\n")),
}


@pytest.mark.parametrize(("chain", "key"), GOOD.values(), ids=GOOD)
def test_it_is_taken(tmp_path: Path, chain: bytes, key: bytes) -> None:
    """As servers take it, without a warning."""
    assert checked(*files(tmp_path, chain, key)) == ((chain, key), [])


WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 (that is the case)
DSA = dsa.generate_private_key(2048)
ED448 = ed448.Ed448PrivateKey.generate()
K1 = ec.generate_private_key(ec.SECP256K1())
BODY = CERTIFICATE.splitlines(keepends=True)
BAD = {
    "an empty certificate": (b"", secret(KEY), "chain", "is empty", "in PEM"),
    "an empty key": (CERTIFICATE, b"\n", "key", "is empty", "in PEM"),
    "a certificate in DER": (
        signed(KEY).public_bytes(DER), secret(KEY), "chain", "not PEM", "-inform der -in",
    ),
    "a key in DER": (
        CERTIFICATE, KEY.private_bytes(DER, PKCS8, NoEncryption()), "key", "not PEM", "-inform der",
    ),
    "text": (b"hello", secret(KEY), "chain", "not PEM", "openssl x509"),
    "swapped": (secret(KEY), CERTIFICATE, "chain", "a private key and no certificate", "swapped"),
    "two certificates": (CERTIFICATE, CERTIFICATE, "key", "no private key", "swapped"),
    "a request": (
        b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n",
        secret(KEY), "chain", "but: CERTIFICATE REQUEST", "that a CA signed",
    ),
    "a public key": (CERTIFICATE, public(KEY), "key", "but: PUBLIC KEY", "private key"),
    "an encrypted key": (
        CERTIFICATE, secret(KEY, PKCS8, b"x"), "key", "is encrypted", "openssl pkey -in",
    ),
    "an encrypted key in its older form": (
        CERTIFICATE, secret(KEY, OLD, b"x"), "key", "is encrypted", "openssl pkey -in",
    ),
    "a certificate without its end": (
        b"".join(BODY[:-1]), secret(KEY), "chain", "is damaged", "anew",
    ),
    "a key without its end": (
        CERTIFICATE, b"".join(secret(KEY).splitlines(keepends=True)[:-1]), "key", "damaged", "anew",
    ),
    "a certificate that is not Base64": (
        CERTIFICATE.replace(BODY[2][:8], b"!!!!!!!!"), secret(KEY), "chain", "is damaged", "anew",
    ),
    "a certificate that is not one": (
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        secret(KEY), "chain", "certificate 1 in it is not one", "anew",
    ),
    "an issuer that is not one": (
        CERTIFICATE + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        secret(KEY), "chain", "certificate 2 in it is not one", "anew",
    ),
    "another key": (CERTIFICATE, secret(OTHER), "key", "does not belong", "was made for"),
    "a key of another kind": (CERTIFICATE, secret(RSA), "key", "does not belong", "was made for"),
    "the issuer first": (
        OTHERS + CERTIFICATE, secret(KEY), "chain", "belongs to certificate 2", "first",
    ),
    "RSA of 1024 bits": (
        signed(WEAK).public_bytes(PEM), secret(WEAK), "key", "cannot be used", "2048 bits",
    ),
    "DSA": (signed(DSA).public_bytes(PEM), secret(DSA), "key", "cannot be used", "ECDSA"),
    "Ed448": (signed(ED448).public_bytes(PEM), secret(ED448), "key", "cannot be used", "ECDSA"),
    "secp256k1": (signed(K1).public_bytes(PEM), secret(K1), "key", "cannot be used", "P-256"),
    "too much": (CERTIFICATE + b"\n" * (1 << 20), secret(KEY), "chain", "more than", "in PEM"),
}  # fmt: skip


@pytest.mark.parametrize(("chain", "key", "wrong", "said", "hint"), BAD.values(), ids=BAD)
def test_it_is_refused(  # noqa: PLR0917 (a row of the table)
    tmp_path: Path, chain: bytes, key: bytes, wrong: str, said: str, hint: str
) -> None:
    """The error names the file, what is wrong with it, and what to do."""
    with pytest.raises(ConfigError) as caught:
        read(*files(tmp_path, chain, key))
    error = caught.value
    assert error.message.startswith(f"{tmp_path / wrong}.pem: ")
    assert said in error.message
    assert hint in error.hint
    assert error.where == {"chain": "--tls-certificate", "key": "--tls-key"}[wrong]
    assert "FILE" not in error.hint


@pytest.mark.parametrize("wrong", ["chain", "key"])
@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, wrong: str, what: str) -> None:
    """As one that cannot be used."""
    paths = dict(zip(("chain", "key"), files(tmp_path, CERTIFICATE, secret(KEY)), strict=True))
    paths[wrong].unlink()
    if what == "folder":
        paths[wrong].mkdir()
    with pytest.raises(ConfigError, match="cannot be read: ") as caught:
        read(paths["chain"], paths["key"])
    assert str(paths[wrong]) in caught.value.message


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        (-9, -2, "certificate 1 in it expired a day ago"),
        (-9, -4, "certificate 1 in it expired 3 days ago"),
        (5, 9, "certificate 1 in it is not valid for another 5 days"),
    ],
)
def test_one_that_is_out_of_its_time_is_a_warning(
    tmp_path: Path, begins: int, ends: int, said: str
) -> None:
    """A clock may be wrong, and clients judge for themselves."""
    chain = signed(KEY, begins=begins, ends=ends).public_bytes(PEM)
    paths = files(tmp_path, chain, secret(KEY))
    assert checked(*paths)[1] == [f"{paths[0]}: {said}"]


def test_an_issuer_that_has_expired_is_a_warning(tmp_path: Path) -> None:
    """With its place in the file."""
    chain = CERTIFICATE + signed(OTHER, begins=-9, ends=-4).public_bytes(PEM)
    paths = files(tmp_path, chain, secret(KEY))
    assert checked(*paths)[1] == [f"{paths[0]}: certificate 2 in it expired 3 days ago"]


@pytest.mark.parametrize("marked", [b"key", b"chain"])
def test_no_error_shows_what_is_in_a_file(tmp_path: Path, marked: bytes) -> None:
    """A file may be another secret."""
    content = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0!\n-----END PRIVATE KEY-----\n"
    chain, key = (content, secret(KEY)) if marked == b"chain" else (CERTIFICATE, content)
    with pytest.raises(ConfigError) as caught:
        read(*files(tmp_path, chain, key))
    assert "c2VjcmV0" not in caught.value.diagnostics()
