"""The same three policies as a careful Python team would write them: one pure-ASGI middleware.

Every choice favours it: no `BaseHTTPMiddleware`, one class instead of three, the cheapest limiter
of `limits` (fixed window in memory, not awaited), no response headers. python-jose is called as its
documentation has it, with the key as text; two options go further than most teams do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jose import jwk, jwt
from jose.exceptions import JOSEError
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from tokens import AUDIENCE, ISSUER
from work import CLIENT_PREFIX, PER_SECOND, TIER

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp, Receive, Scope, Send

_OVERWRITTEN = (b"x-auth-user", b"x-tier")
_MOST_REMEMBERED = 4096


class PythonStack:
    """Verifies an RS256 token, takes from the user's window, rewrites path and headers.

    `parse_key_once` hands python-jose a parsed key. `remember` keeps tokens that verified until
    they expire, as `jwt_auth` does.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_pem: str,
        parse_key_once: bool = False,
        remember: bool = False,
    ) -> None:
        self.app = app
        self._key = jwk.construct(public_pem, "RS256") if parse_key_once else public_pem
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerSecond(PER_SECOND)
        self._remember = remember
        self._remembered: dict[bytes, dict[str, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        claims = self._claims(scope["headers"])
        if claims is None:
            await _answer(send, 401, (b"www-authenticate", b'Bearer error="invalid_token"'))
        elif not self._limiter.hit(self._limit, claims["sub"]):
            await _answer(send, 429, (b"retry-after", b"1"))
        else:
            await self.app(_rewritten(scope, claims["sub"]), receive, send)

    def _claims(self, headers: list[tuple[bytes, bytes]]) -> dict[str, Any] | None:
        credentials = next((value for name, value in headers if name == b"authorization"), b"")
        if not credentials.startswith(b"Bearer "):
            return None
        token = credentials[7:]
        if not self._remember:
            return self._verified(token)
        claims = self._remembered.get(token)
        if claims is not None and claims["exp"] > time.time():
            return claims
        claims = self._verified(token)
        if claims is not None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[token] = claims
        return claims

    def _verified(self, token: bytes) -> dict[str, Any] | None:
        try:
            claims: dict[str, Any] = jwt.decode(
                token.decode("latin-1"),
                self._key,
                algorithms=["RS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require_exp": True, "require_sub": True},
            )
        except JOSEError:
            return None
        return claims


def _rewritten(scope: Scope, user: str) -> Scope:
    headers = [field for field in scope["headers"] if field[0] not in _OVERWRITTEN]
    headers.append((b"x-auth-user", user.encode("latin-1")))
    headers.append((b"x-tier", TIER.encode("ascii")))
    path = scope["path"]
    if not path.startswith(CLIENT_PREFIX):
        return {**scope, "headers": headers}
    kept = len(CLIENT_PREFIX) - 1
    raw_path = scope["raw_path"][kept:]
    return {**scope, "headers": headers, "path": path[kept:], "raw_path": raw_path}


async def _answer(send: Send, status: int, header: tuple[bytes, bytes]) -> None:
    body = b'{"status":%d}' % status
    headers = [header, (b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
