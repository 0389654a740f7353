"""examples/fastapi_app, with a key pair and a token made as its docstring says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

Client = Callable[[Any], "httpx.AsyncClient"]


@pytest.fixture
def token(app_of: Callable[[str], Any]) -> str:
    """Mint a token, and the key pair beside it, in the working folder."""
    del app_of  # it has set the working folder
    arguments = "--generate-key --key issuer.pem --subject alice --audience orders"
    minted = subprocess.run(
        [sys.executable, "-m", "wasmgate", "token", *arguments.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    return minted.stdout.strip()


async def test_the_app_sees_the_user_and_the_rewritten_path(
    app_of: Callable[[str], Any], client: Client, token: str
) -> None:
    """What the three policies do is there when the endpoint runs."""
    headers = {"authorization": f"Bearer {token}", "x-auth-user": "root"}
    response = await client(app_of("fastapi_app")).get("/v1/orders/7", headers=headers)
    assert response.json() == {"order": 7, "user": "alice", "tier": "gold"}


async def test_without_a_token_the_app_is_not_asked(
    app_of: Callable[[str], Any], client: Client, token: str
) -> None:
    """The policy answers."""
    del token  # the app needs the key beside it
    response = await client(app_of("fastapi_app")).get("/orders/7")
    assert (response.status_code, response.headers["www-authenticate"]) == (
        401,
        'Bearer realm="api"',
    )
