"""What a server knows of a client's TLS, by the names that policies ask for below `connection`."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate._asgi import Scope

__all__ = ["TlsFacts", "of_connection", "of_scope"]

TlsFacts: TypeAlias = "dict[str, str]"

_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
# RFC 4514 section 3; what has no short name there keeps its long one.
_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in '\\"+,;<>'})


def of_scope(scope: Scope) -> TlsFacts | None:
    """Return what the server's TLS extension says (ASGI specification, "TLS Extension").

    None without TLS, and from a server that does not have the extension.
    """
    extensions: Mapping[str, Any] | None = scope.get("extensions")
    if not extensions or "tls" not in extensions:
        return None
    tls = extensions["tls"]
    facts = {}
    if (version := _VERSIONS.get(tls.get("tls_version"))) is not None:
        facts["tls_version"] = version
    if name := tls.get("client_cert_name"):
        facts["subject_peer_certificate"] = name
    for certificate in tls.get("client_cert_chain") or ():
        facts["sha256_peer_certificate_digest"] = _digest(ssl.PEM_cert_to_DER_cert(certificate))
        break
    return facts


def of_connection(tls: ssl.SSLObject | None) -> TlsFacts | None:
    """Return what a connection of ours knows of its TLS; None without it."""
    if tls is None:
        return None
    facts = {}
    if (version := tls.version()) is not None:
        facts["tls_version"] = version
    if (certificate := tls.getpeercert(binary_form=True)) is not None:
        facts["sha256_peer_certificate_digest"] = _digest(certificate)
    # Empty for a certificate that was not verified.
    peer: Mapping[str, Any] = tls.getpeercert() or {}
    if "subject" in peer:
        facts["subject_peer_certificate"] = _name(peer["subject"])
    for kind, value in reversed(peer.get("subjectAltName", ())):
        if kind in {"DNS", "URI"}:
            facts[f"{kind.lower()}_san_peer_certificate"] = value
    return facts


def _digest(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest()


def _name(subject: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Write a distinguished name as RFC 4514 has it: the last part first."""
    parts = (
        "+".join(f"{_SHORT.get(kind, kind)}={value.translate(_ESCAPED)}" for kind, value in part)
        for part in reversed(subject)
    )
    return ",".join(parts)
