"""Properties of a client's TLS connection, by the names that policies ask for."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate._asgi import Scope

__all__ = ["Facts", "of_scope"]

Facts: TypeAlias = "dict[str, str]"

_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}


def of_scope(scope: Scope) -> Facts | None:
    """Return the properties that the server's TLS extension gives.

    None without TLS, and from a server without the extension (ASGI specification, "TLS Extension").
    """
    extensions: Mapping[str, Any] | None = scope.get("extensions")
    if not extensions or "tls" not in extensions:
        return None
    tls = extensions["tls"]
    facts = {}
    if (version := _VERSIONS.get(tls.get("tls_version"))) is not None:
        facts["connection.tls_version"] = version
    if name := tls.get("client_cert_name"):
        facts["connection.subject_peer_certificate"] = name
    for certificate in tls.get("client_cert_chain") or ():
        digest = _digest(ssl.PEM_cert_to_DER_cert(certificate))
        facts["connection.sha256_peer_certificate_digest"] = digest
        break
    return _with_mtls(facts)


def _with_mtls(facts: Facts) -> Facts:
    """Add `connection.mtls`: true if a property of the client's certificate is known."""
    shown = any("peer_certificate" in name for name in facts)
    facts["connection.mtls"] = "true" if shown else "false"
    return facts


def _digest(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest()
