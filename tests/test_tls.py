"""What servers know of TLS, in the words that policies ask with."""

from __future__ import annotations

import datetime as dt
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wasmgate._tls import of_scope


def certificate() -> tuple[str, str]:
    """Make a certificate of a client: in PEM, and its digest."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme, Inc"),
            x509.NameAttribute(NameOID.COMMON_NAME, "client"),
        ]
    )
    now = dt.datetime.now(dt.UTC)
    names = [x509.UniformResourceIdentifier("spiffe://acme/client"), x509.DNSName("a.example")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    digest = hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()
    return made.public_bytes(Encoding.PEM).decode(), digest


def test_the_extension_of_asgi_is_read() -> None:
    """Version, name, and the digest of the first certificate of the chain."""
    pem, digest = certificate()
    tls = {
        "tls_version": 0x0303,
        "client_cert_name": "CN=client",
        "client_cert_chain": [pem],
    }
    assert of_scope({"extensions": {"tls": tls}}) == {
        "connection.tls_version": "TLSv1.2",
        "connection.subject_peer_certificate": "CN=client",
        "connection.sha256_peer_certificate_digest": digest,
        "connection.mtls": "true",
    }


def test_a_scope_without_the_extension_tells_nothing() -> None:
    """As most servers have it."""
    assert of_scope({"extensions": {"http.response.pathsend": {}}}) is None
