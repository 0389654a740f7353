"""The work that every subject does: RS256 token, rate limit for its user, rewrite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokens import AUDIENCE, ISSUER

from wasmgate import policies

if TYPE_CHECKING:
    from wasmgate import Policy
    from wasmgate.policies import Key

CLIENT_PREFIX = "/v1/"
PATH = "orders/42"
QUERY = "expand=items"
USER_HEADER = "x-auth-user"
TIER = "gold"
PER_SECOND = 1_000_000  # so high that it never refuses


def chain(public_pem: str, *, limit_by: Key = "user") -> list[Policy]:
    """Return the three policies; `limit_by` says to `rate_limit` whose bucket a request takes from.

    The limit never refuses. What responses could say about it is left out: no peer says it.
    """
    return [
        policies.jwt_auth(algorithms=["RS256"], keys=public_pem, issuer=ISSUER, audience=AUDIENCE),
        policies.rate_limit(limit=f"{PER_SECOND}/second", key=limit_by, headers=False),
        policies.rewrite(
            path_prefix={CLIENT_PREFIX: "/"}, request_headers={"set": {"x-tier": TIER}}
        ),
    ]


def gateway_configuration(public_pem: str | None, *, port: int, upstream: str) -> str:
    """Return a gateway.yaml (JSON is YAML) with the three policies, or without a key with none."""
    used = [] if public_pem is None else chain(public_pem)
    route: dict[str, Any] = {"match": {"prefix": "/"}, "cluster": "upstream"}
    return json.dumps(
        {
            "listen": f"127.0.0.1:{port}",
            "policies": {
                policy.name: {
                    "module": str(policy.module),
                    "configuration": policy.configuration,
                    "strip_request_headers": policy.strip_request_headers,
                }
                for policy in used
            },
            "clusters": {"upstream": {"endpoints": [f"http://{upstream}"]}},
            "routes": [{**route, "policies": [policy.name for policy in used]}],
        }
    )
