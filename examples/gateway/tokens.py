"""An issuer of tokens for the demo: a key pair made when it starts, and python-jose."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jose import jwt

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Issuer"]

HOUR = 3600


class Issuer:
    """Signs RS256 tokens; `write_public_key` gives the gateway what it verifies them with."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._private = pem.decode()
        self._public = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def write_public_key(self, path: Path) -> None:
        """Write the public key in PEM."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._public)

    def token(self, user: str, *, audience: str = "orders", expires_in: int = HOUR) -> str:
        """Return a token for `user`; `expires_in` is seconds from now, also negative."""
        claims = {"sub": user, "aud": audience, "exp": int(time.time()) + expires_in}
        token: str = jwt.encode(claims, self._private, algorithm="RS256")
        return token

    def tampered(self, user: str, *, instead_of: str) -> str:
        """Return a token whose claims name `user` under the signature of `instead_of`'s."""
        header, _, signature = self.token(instead_of).split(".")
        _, claims, _ = self.token(user).split(".")
        return f"{header}.{claims}.{signature}"
