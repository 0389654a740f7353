"""New keys for `wasmgate token --generate-key`."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["generate_key"]

RSA_BITS = 2048
# RFC 7518 section 3.2: at least as long as the output of the hash; 64 bytes suffice for all three.
SECRET_BYTES = 64


def generate_key(algorithm: str, path: Path) -> None:
    """Write a new private key (PEM, PKCS #8) or secret to `path`, readable by its owner only.

    The public key is written to `path` with the suffix `.pub.pem`. Raises ConfigError if one of the
    files exists: keys are never overwritten.
    """
    if algorithm.startswith("HS"):
        _write(path, secrets.token_urlsafe(SECRET_BYTES).encode(), mode=0o600)
        return
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = _private_key(algorithm)
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write(path.with_suffix(".pub.pem"), public, mode=0o644)


def _private_key(algorithm: str) -> RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    from wasmgate.cli.token_signing import CURVES

    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    if curve := CURVES.get(algorithm):
        return ec.generate_private_key(curve())
    return ed25519.Ed25519PrivateKey.generate()


def _write(path: Path, content: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileNotFoundError as error:
        raise ConfigError(
            f"the key {path} cannot be written: there is no folder {path.parent}",
            where=str(path.absolute()),
            hint=f"mkdir -p {path.parent}",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the key {path} cannot be written: {error.strerror}",
            where=str(path.absolute()),
            hint="name a file that is not there yet; keys are never overwritten",
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
