"""An issuer of RS256 tokens (RSA 2048) that mints many quickly; nothing of it is kept."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://issuer.example"
AUDIENCE = "orders"
KEY_ID = "bench-1"
USERS = 100
HOUR = 3600


class Issuer:
    """A key pair and what it signs: tokens for `USERS` users in turn, each with its own `jti`."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_pem = (
            self._key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode("ascii")
        )

    def mint(self, count: int, advance: Callable[[], object] = lambda: None) -> list[str]:
        """Return `count` different tokens, valid for an hour; `advance` is called after each."""
        tokens = []
        for number in range(count):
            tokens.append(self._token(f"user-{number % USERS}"))
            advance()
        return tokens

    def refused(self) -> list[str]:
        """Return tokens that every gateway must refuse: a broken signature, invalid claims."""
        wrong = [{"exp": 1}, {"iss": "https://else.example"}, {"aud": "else"}]
        broken = self._token("user-0")[:-8] + "AAAAAAAA"
        return [broken, *(self._token("user-0", **claims) for claims in wrong)]

    def _token(self, user: str, **other: object) -> str:
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "iat": now,
            "exp": now + HOUR,
            "jti": str(uuid.uuid4()),
            "scope": "orders:read orders:write",
        } | other
        header: dict[str, object] = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        signed = f"{_part(header)}.{_part(claims)}"
        signature = self._key.sign(signed.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def _part(value: dict[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
