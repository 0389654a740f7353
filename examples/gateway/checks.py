"""What the demo asks the gateway, each with what must come back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from tokens import Issuer

__all__ = ["Check", "checks"]

# gateway.yaml: `limit: 10/minute`.
LIMIT = 10
BURST = 12


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row of the table: it passes when what was seen is what was expected."""

    request: str
    expected: str
    seen: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Say whether the gateway did what it should."""
        return self.seen == self.expected


async def checks(client: httpx.AsyncClient, issuer: Issuer) -> AsyncIterator[Check]:
    """Send the requests one after the other and yield what came of each."""
    yield await _good(client, issuer.token("alice"))
    refused = [
        ("no token", ""),
        ("an expired token", issuer.token("alice", expires_in=-60)),
        ("a token for another audience", issuer.token("alice", audience="billing")),
        ("a tampered token", issuer.tampered("root", instead_of="alice")),
    ]
    for request, token in refused:
        yield await _refused(client, request, token)
    yield await _rewritten(client, issuer.token("alice"))
    yield await _burst(client, issuer.token("bob"))
    yield await _loop(client)
    yield await _after_the_loop(client)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token, or none for an empty one."""
    return {"authorization": f"Bearer {token}"} if token else {}


async def _good(client: httpx.AsyncClient, token: str) -> Check:
    forged = {"x-auth-user": "root"}
    response = await client.get("/v1/orders/7", headers=bearer(token) | forged)
    user = response.json().get("user")
    return Check(
        request="a good token of alice, and a forged x-auth-user: root",
        expected="200, the upstream saw user alice",
        seen=f"{response.status_code}, the upstream saw user {user}",
    )


async def _refused(client: httpx.AsyncClient, request: str, token: str) -> Check:
    response = await client.get("/v1/orders/7", headers=bearer(token))
    return Check(
        request=request,
        expected="401",
        seen=str(response.status_code),
        note=_reason(response.headers.get("www-authenticate", "")),
    )


def _reason(challenge: str) -> str:
    """Return what a challenge (RFC 6750 section 3) says to a person, or all of a plain one."""
    _, found, description = challenge.partition("error_description=")
    return description.strip('"') if found else challenge


async def _rewritten(client: httpx.AsyncClient, token: str) -> Check:
    response = await client.get("/v1/orders/a%2Fb?q=%20x", headers=bearer(token))
    seen = response.json()
    return Check(
        request="path /v1/orders/a%2Fb?q=%20x",
        expected="the upstream saw /orders/a%2Fb?q=%20x and tier gold",
        seen=f"the upstream saw {seen.get('target')} and tier {seen.get('tier')}",
    )


async def _burst(client: httpx.AsyncClient, token: str) -> Check:
    headers = bearer(token)
    answers = await asyncio.gather(
        *(client.get("/v1/orders/7", headers=headers) for _ in range(BURST))
    )
    counts = Counter(answer.status_code for answer in answers)
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    refused = [answer for answer in answers if answer.status_code == 429]  # noqa: PLR2004
    retry = refused[0].headers.get("retry-after", "") if refused else ""
    return Check(
        request=f"a burst: {BURST} requests of bob at once",
        expected=f"{LIMIT} x 200, {BURST - LIMIT} x 429",
        seen=", ".join(f"{count} x {status}" for status, count in sorted(counts.items())),
        note=f"remaining {max(left)} down to {min(left)}, retry after {retry} s",
    )


async def _loop(client: httpx.AsyncClient) -> Check:
    began = time.perf_counter()
    response = await client.get("/loop/", headers={"x-loop": "1"})
    milliseconds = (time.perf_counter() - began) * 1000
    return Check(
        request="a request that makes a policy loop for ever",
        expected="503",
        seen=str(response.status_code),
        note=f"stopped after {milliseconds:.0f} ms, when its fuel was used up",
    )


async def _after_the_loop(client: httpx.AsyncClient) -> Check:
    response = await client.get("/loop/")
    return Check(
        request="the next request through that policy",
        expected="200",
        seen=str(response.status_code),
        note="the instance was replaced",
    )
