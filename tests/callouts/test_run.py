"""A process that serves a policy that calls out."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from tests.callouts.places import Setting, answers, asking, running, welcomes_after, written
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_process_that_is_stopped_drains(tmp_path: Path) -> None:
    """SIGTERM: the request that waits for a callout is answered, then the process ends."""
    released = asyncio.Event()
    async with (
        ScriptedUpstream(welcomes_after(released)) as auth,
        ScriptedUpstream(answers) as site,
    ):
        module = asking(tmp_path, "auth", timeout=60_000)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        config = written(setting, site.url)
        async with running(config, tmp_path) as (port, process), Client(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
            await auth.until(lambda: len(auth.requests) == 1)
            process.send_signal(signal.SIGTERM)
            while not await refused(port):
                await asyncio.sleep(0.02)
            assert process.returncode is None
            released.set()
            reply = await client.reply()
            assert (reply.status, reply.body) == (200, b"the app")
            await process.wait()
        await auth.until(lambda: auth.open == 0)
    assert "buffer 4 0 welcome" in (tmp_path / "said").read_text()


async def refused(port: int) -> bool:
    """Return whether the port is closed: a listener resets what waits in its backlog then."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    writer.close()
    return False
