"""A client that stops in its request's body: 408 in both forms of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.guests import HOLDS, REQUEST_BODY, with_policy
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client, both_forms, configuration, serve
from wasmgate.gateway import Gateway, standalone
from wasmgate.gateway.asgi import timeouts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = both_forms

HALF = b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 9\r\n\r\nabc"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (standalone, timeouts):
        monkeypatch.setattr(module, "CLIENT_TIMEOUT", 0.6)


async def test_a_body_that_stops() -> None:
    """The upstream does not take it for whole."""
    async with ScriptedUpstream() as upstream:
        async with serve(Gateway(configuration(upstream.url))) as port, Client(port) as client:
            await client.send(HALF)
            assert (await client.reply()).status == 408
        await upstream.until(lambda: upstream.open == 0)


async def test_a_body_that_a_policy_holds_may_take_its_time(tmp_path: Path) -> None:
    """What waits is not the client."""
    policy = with_policy(tmp_path, HOLDS, REQUEST_BODY, delay=1500)
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url, **policy))
        async with serve(gateway) as port, Client(port) as client:
            await client.send(HALF + b"defghi")
            assert (await client.reply()).status == 200
