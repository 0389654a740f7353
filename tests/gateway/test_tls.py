"""Endpoints over TLS."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.upstream_requests import Request, read_body
from wasmgate.errors import ConnectError
from wasmgate.upstream import HttpUpstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def certificate(folder: Path, address: str) -> Path:
    """Write a key and a self-signed certificate for an address, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "upstream.test")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "upstream.pem"
    path.write_bytes(key.private_bytes(pem, form, none) + signed.public_bytes(pem))
    return path


def serving(path: Path) -> ssl.SSLContext:
    """Make the context of a server with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def trusting(path: Path) -> Callable[[], ssl.SSLContext]:
    """Trust one certificate and no other."""
    return lambda: ssl.create_default_context(cafile=str(path))


async def fetch(client: HttpUpstream, url: str) -> bytes:
    """Do one request."""
    return await read_body(await client.begin(Request(endpoint=url), b"", end=True))


async def test_trusted(tmp_path: Path) -> None:
    """An endpoint whose certificate is trusted is asked, over one connection."""
    path = certificate(tmp_path, "127.0.0.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        client = HttpUpstream(tls=trusting(path))
        answers = [await fetch(client, upstream.url) for _ in range(2)]
        assert (answers, len(upstream.peers)) == ([b"GET / HTTP/1.1"] * 2, 1)
        client.close()


async def test_not_trusted(tmp_path: Path) -> None:
    """Without its authority in the system, an endpoint's certificate is refused."""
    path = certificate(tmp_path, "127.0.0.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        client = HttpUpstream()
        with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await fetch(client, upstream.url)
        client.close()


async def test_for_another_address(tmp_path: Path) -> None:
    """A trusted certificate for somebody else is refused."""
    path = certificate(tmp_path, "192.0.2.1")
    async with ScriptedUpstream(tls=serving(path)) as upstream:
        client = HttpUpstream(tls=trusting(path))
        with pytest.raises(ConnectError, match="IP address mismatch"):
            await fetch(client, upstream.url)
        client.close()
