"""An issuer that signs tokens with python-jose."""

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
    from tests.native.chain_request import Fields


class Issuer:
    """An issuer with one RSA key; `public` is what a policy is configured with."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._private = private.decode()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.public = public.decode()

    def token(self, **claims: object) -> bytes:
        """Sign a token for ada that is valid for an hour, or says what `claims` say."""
        said = {"sub": "ada", "exp": int(time.time()) + 3600} | claims
        kept = {name: value for name, value in said.items() if value is not None}
        token: str = jwt.encode(kept, self._private, algorithm="RS256")
        return token.encode()


def bearer(token: bytes) -> Fields:
    """Return the field that carries a token."""
    return [(b"authorization", b"Bearer " + token)]


def shared_secret_token(claims: dict[str, object], secret: str) -> bytes:
    """Sign claims with HS256."""
    token: str = jwt.encode(claims, secret, algorithm="HS256")
    return token.encode()
