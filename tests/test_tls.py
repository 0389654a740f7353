"""What servers know of TLS, in the words that policies ask with."""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wasmgate._tls import of_connection, of_scope

if TYPE_CHECKING:
    from pathlib import Path


def certificate(folder: Path) -> tuple[Path, Path, str]:
    """Make a certificate that is its own authority: its file, its key's, and its digest."""
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
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return *files, hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Let two ends shake hands in memory, and return the server's."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="a.example"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    while waiting:
        end = waiting.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(end)
    return ends[1]


def test_a_connection_tells_version_and_certificate(tmp_path: Path) -> None:
    """Its subject as RFC 4514 writes it, the first name of each kind, and its digest."""
    file, key, digest = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (server, client):
        context.load_cert_chain(file, key)
        context.load_verify_locations(file)
        context.verify_mode = ssl.CERT_REQUIRED
    assert of_connection(handshake(server, client)) == {
        "connection.tls_version": "TLSv1.3",
        "connection.sha256_peer_certificate_digest": digest,
        "connection.subject_peer_certificate": "CN=client,O=Acme\\, Inc",
        "connection.uri_san_peer_certificate": "spiffe://acme/client",
        "connection.dns_san_peer_certificate": "a.example",
        "connection.mtls": "true",
    }


def test_a_client_without_a_certificate_has_a_version_alone(tmp_path: Path) -> None:
    """The server did not ask for one."""
    file, key, _ = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file, key)
    client = ssl.create_default_context(cafile=str(file))
    assert of_connection(handshake(server, client)) == {
        "connection.tls_version": "TLSv1.3",
        "connection.mtls": "false",
    }


def test_a_connection_without_tls_tells_nothing() -> None:
    """It is no TLS that is not known."""
    assert of_connection(None) is None


def test_the_extension_of_asgi_is_read(tmp_path: Path) -> None:
    """Version, name, and the digest of the first certificate of the chain."""
    file, _, digest = certificate(tmp_path)
    tls = {
        "tls_version": 0x0303,
        "client_cert_name": "CN=client",
        "client_cert_chain": [file.read_text("utf-8")],
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
