"""Signs a token for `wasmgate token` (RFC 7515, RFC 7518 section 3, RFC 8037)."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["CURVES", "UnfitKey", "sign"]

CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


class UnfitKey(Exception):
    """The key cannot sign with the algorithm."""


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes) -> str:
    """Return the token in its compact form (RFC 7515 section 7.1).

    `header` names the algorithm (`alg`); `key` is a private key in PEM, or the secret of HS. Raises
    UnfitKey.
    """
    parts = [
        _encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    ]
    signed = b".".join(parts)
    algorithm: str = header["alg"]
    make = _mac if algorithm.startswith("HS") else _signature
    return b".".join((signed, _encoded(make(algorithm, key, signed)))).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _mac(algorithm: str, key: bytes, signed: bytes) -> bytes:
    if b"-----BEGIN" in key:
        raise UnfitKey
    return hmac.digest(key, signed, f"sha{algorithm[2:]}")


def _signature(algorithm: str, key: bytes, signed: bytes) -> bytes:
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise UnfitKey from error
    if algorithm in {"EdDSA", "Ed25519"}:
        if not isinstance(private, ed25519.Ed25519PrivateKey):
            raise UnfitKey
        return private.sign(signed)
    digest = _HASHES[algorithm[2:]]()
    if algorithm.startswith("ES"):
        return _of_curve(CURVES[algorithm], private, signed, digest)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise UnfitKey
    if algorithm.startswith("PS"):
        # RFC 7518 section 3.5: the salt is as long as the hash.
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return private.sign(signed, pss, digest)
    return private.sign(signed, padding.PKCS1v15(), digest)


def _of_curve(
    curve: type[ec.EllipticCurve],
    private: PrivateKeyTypes,
    signed: bytes,
    digest: hashes.HashAlgorithm,
) -> bytes:
    """Sign as RFC 7518 section 3.4 has it: both numbers in the width of the curve."""
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, curve):
        raise UnfitKey
    width = (private.curve.key_size + 7) // 8
    numbers = decode_dss_signature(private.sign(signed, ec.ECDSA(digest)))
    return b"".join(number.to_bytes(width, "big") for number in numbers)
