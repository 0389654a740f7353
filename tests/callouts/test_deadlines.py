"""The time of a route, while a policy holds a request for a callout: both forms of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import REQUEST, RESPONSE, Setting, answers, asking, place
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client, ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.parametrize("name", ["gateway", "direct"])


@pytest.mark.parametrize("phase", [REQUEST, RESPONSE])
async def test_the_routes_time_ends_a_callout(
    name: str, phase: str, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """504; the connection to the service is closed, and the policy's stream ends once."""
    async with ScriptedUpstream(silent) as auth:
        module = asking(tmp_path, "auth", phase, timeout=60_000)
        setting = Setting(
            module=module, clusters={"auth": auth.url}, net=("auth",), timeout="300ms"
        )
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 504
            await auth.until(lambda: auth.open == 0)
            ends = [line for line in said() if line in {"done", "log", "delete"}]
            assert ends == ["done", "log", "delete"]
            # The policy is told, so that its SDK forgets the callout.
            assert "http_call_response 0 0 0" in said()


async def test_the_connection_serves_the_next_request(name: str, tmp_path: Path) -> None:
    """Whose time is its own."""
    async with ScriptedUpstream(silent, answers) as auth:
        module = asking(tmp_path, "auth", timeout=60_000)
        setting = Setting(
            module=module, clusters={"auth": auth.url}, net=("auth",), timeout="800ms"
        )
        async with place(name, setting, tmp_path) as port, Client(port) as client:
            for status in (504, 200):
                await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
                assert (await client.reply()).status == status


async def test_a_client_that_does_not_send_its_body(name: str, tmp_path: Path) -> None:
    """The time counts for it, too."""
    async with ScriptedUpstream(silent) as auth:
        module = asking(tmp_path, "auth", RESPONSE)
        setting = Setting(
            module=module, clusters={"auth": auth.url}, net=("auth",), timeout="300ms"
        )
        async with place(name, setting, tmp_path) as port, Client(port) as client:
            await client.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 9\r\n\r\nab")
            assert (await client.reply()).status == 504
