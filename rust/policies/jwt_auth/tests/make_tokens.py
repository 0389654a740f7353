"""Make tokens.json: a token of every algorithm, signed by `cryptography`, with its public key.

    python make_tokens.py > tokens.json      needs the package cryptography

The policy's own crates sign nothing, so a mistake in them cannot agree with itself.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Callable

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}
CLAIMS = {"sub": "ada", "exp": 2_000_000_000}


def base64url(data: bytes) -> str:
    """Encode as JWS does: base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """Write the public half of a key."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer(algorithm: str) -> tuple[object, Callable[[bytes], bytes]]:
    """Make a key; return what is configured for it and how it signs."""
    family, size = algorithm[:2], algorithm[2:]
    if family == "HS":
        secret = "s" * HASHES[size].digest_size
        return {"secret": secret}, lambda data: mac(secret.encode(), data, HASHES[size])
    if family == "ES":
        key = ec.generate_private_key(CURVES[size])
        return pem(key), lambda data: raw(key, data, HASHES[size])
    if family == "Ed":
        edwards = ed25519.Ed25519PrivateKey.generate()
        return pem(edwards), edwards.sign
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    salted = padding.PSS(padding.MGF1(HASHES[size]), HASHES[size].digest_size)
    scheme = salted if family == "PS" else padding.PKCS1v15()
    return pem(rsa_key), lambda data: rsa_key.sign(data, scheme, HASHES[size])


def mac(secret: bytes, data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """Compute an HMAC."""
    context = hmac.HMAC(secret, algorithm)
    context.update(data)
    return context.finalize()


def raw(key: ec.EllipticCurvePrivateKey, data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """Sign with ECDSA and write r and s side by side (RFC 7518 section 3.4)."""
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def main() -> None:
    """Print one entry for each algorithm."""
    names = [family + size for family in ("HS", "RS", "PS", "ES") for size in HASHES] + ["EdDSA"]
    made = []
    for name in names:
        keys, sign = signer(name)
        parts = (json.dumps({"alg": name}), json.dumps(CLAIMS))
        signed = ".".join(base64url(part.encode()) for part in parts)
        token = f"{signed}.{base64url(sign(signed.encode()))}"
        made.append({"alg": name, "keys": keys, "token": token})
    print(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
