"""A FastAPI app behind three policies.

wasmgate token --generate-key --key issuer.pem --subject alice --audience orders
uvicorn app:app
curl -i http://127.0.0.1:8000/orders/7 -H "Authorization: Bearer <the token>"
"""

from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header

from wasmgate import PolicyMiddleware, policies

app = FastAPI()
app.add_middleware(
    PolicyMiddleware,
    policies=[
        policies.jwt_auth(algorithms=["RS256"], keys=Path("issuer.pub.pem"), audience="orders"),
        policies.rate_limit(limit="100/minute", burst=20, key="user"),
        policies.rewrite(path_prefix={"/v1/": "/"}, request_headers={"set": {"x-tier": "gold"}}),
    ],
)


@app.get("/orders/{number}")
async def order(
    number: int, x_auth_user: Annotated[str, Header()], x_tier: Annotated[str, Header()]
) -> dict[str, int | str]:
    """Return an order; `jwt_auth` sets the user, and no client can forge it."""
    return {"order": number, "user": x_auth_user, "tier": x_tier}
