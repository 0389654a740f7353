"""The three policies that every benchmark runs, as the gateway's file and the middleware have them."""

from __future__ import annotations

from typing import Any

from tokens import AUDIENCE, ISSUER


def configurations(public_pem: str) -> dict[str, dict[str, Any]]:
    """Return the configuration of each bundled policy by its name, in the order of the chain.

    The limit never refuses; what a response could say about it is left out, because no peer says it.
    """
    return {
        "jwt_auth": {
            "algorithms": ["RS256"],
            "keys": public_pem,
            "issuer": ISSUER,
            "audience": AUDIENCE,
        },
        "rate_limit": {"limit": "1000000/second", "key": "user", "headers": False},
        "rewrite": {
            "path_prefix": {"/v1/": "/"},
            "request_headers": {"set": {"x-tier": "gold"}},
        },
    }
