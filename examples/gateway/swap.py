"""A policy's module and the configuration replaced while requests run; every request counts."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks import Check, bearer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from tokens import Issuer

    from wasmgate import Gateway

__all__ = ["swap"]

CLIENTS = 8
# Answers awaited before the swap and after it.
AROUND = 200
# gateway.yaml: `limit: 10/minute` for each user.
REQUESTS_OF_A_USER = 10
OLD = "edition 1, tier gold"
NEW = "edition 2, tier platinum"


@dataclass
class Tally:
    """What the clients sent, and the answers by what they showed."""

    issuer: Issuer
    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    token: str = ""
    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: int = 0

    def next_token(self) -> str:
        """Count a request and return its token; no user comes more often than the limit allows."""
        if self.sent % REQUESTS_OF_A_USER == 0:
            self.token = self.issuer.token(f"user-{self.sent}")
        self.sent += 1
        return self.token

    def count(self, answer: str) -> None:
        """Count an answer."""
        self.answers[answer] += 1
        if self.answers.total() >= self._wanted:
            self._enough.set()

    async def more(self, answers: int) -> None:
        """Wait until so many more answers have come."""
        self._wanted = self.answers.total() + answers
        self._enough.clear()
        await self._enough.wait()


async def swap(
    client: httpx.AsyncClient, issuer: Issuer, gateway: Gateway, folder: Path
) -> tuple[Check, Check]:
    """Replace `edition.wasm` and the tier in gateway.yaml under load, with `Gateway.reload()`."""
    tally, done = Tally(issuer), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_send(client, tally, done))
        await tally.more(AROUND)
        _replace(folder)
        under_way = tally.sent - tally.answers.total()
        began = time.perf_counter()
        await gateway.reload()
        milliseconds = (time.perf_counter() - began) * 1000
        await tally.more(AROUND)
        done.set()
    other = set(tally.answers) - {OLD, NEW}
    lost = Check(
        request=f"a module and the configuration swapped under {CLIENTS} clients",
        expected=f"{tally.sent} requests sent, {tally.sent} answered 200",
        seen=f"{tally.sent} requests sent, {tally.answers[OLD] + tally.answers[NEW]} answered 200",
        note=f"Gateway.reload() took {milliseconds:.0f} ms with {under_way} requests under way",
    )
    mixed = Check(
        request="the answers around the swap",
        expected=f"{OLD}; then {NEW}",
        seen="; then ".join(sorted(tally.answers)),
        note=f"{tally.answers[OLD]} old, {tally.answers[NEW]} new, {len(other)} mixed",
    )
    return lost, mixed


def _replace(folder: Path) -> None:
    shutil.copyfile(folder / "modules" / "edition_2.wasm", folder / "modules" / "edition.wasm")
    config = folder / "gateway.yaml"
    config.write_text(config.read_text("utf-8").replace("x-tier: gold", "x-tier: platinum"))


async def _send(client: httpx.AsyncClient, tally: Tally, done: asyncio.Event) -> None:
    while not done.is_set():
        response = await client.get("/v1/orders/7", headers=bearer(tally.next_token()))
        if response.status_code == 200:  # noqa: PLR2004
            edition, tier = response.headers.get("x-edition"), response.json()["tier"]
            tally.count(f"edition {edition}, tier {tier}")
        else:
            tally.count(f"status {response.status_code}")
