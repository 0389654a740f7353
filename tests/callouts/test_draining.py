"""A server that is stopped while a policy waits for a callout; `test_run` has the process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import Setting, asking, place
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["middleware", "gateway", "direct"])
async def test_a_server_that_drains_ends_the_callout(name: str, tmp_path: Path) -> None:
    """Requests that wait for one are not waited for longer than others."""
    async with ScriptedUpstream(silent) as auth:
        module = asking(tmp_path, "auth", timeout=60_000)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(place(name, setting, tmp_path))
            client = await stack.enter_async_context(Client(port))
            await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
            await auth.until(lambda: len(auth.requests) == 1)
        await auth.until(lambda: auth.open == 0)
