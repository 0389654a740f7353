"""A thread on which nothing happens does not run."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import REQUEST, RESPONSE, Setting, answers, asking, written
from tests.gateway.direct.gate import GET
from tests.gateway.direct.test_threads import served
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, silent
from tests.gateway.serving import Client
from tests.native.callout_guests import Texts, caller
from wasmgate import Gateway, GatewayConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITS = 0.5


def spent() -> float:
    """Return the CPU time of the threads of the data plane, in seconds."""
    return sum(_ticks()) / os.sysconf("SC_CLK_TCK")


def _ticks() -> Iterator[int]:
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if (task / "comm").read_text().startswith("wasmgate-"):
                # proc_pid_stat(5): utime and stime are the 14th and 15th field.
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                yield int(fields[11]) + int(fields[12])


async def half(peer: Peer) -> None:
    """Script: the head and half of a body."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")


@pytest.mark.parametrize(
    ("state", "phase", "site"),
    [
        ("a request waits for a call", REQUEST, answers),
        ("a response waits for a call", RESPONSE, answers),
        ("a call of no request is under way", "proxy_on_configure", answers),
        ("a request waits for its upstream", "none", silent),
        ("half of a response is there", "none", half),
        ("a client is idle", "none", answers),
    ],
)
async def test_nothing_runs_while_nothing_happens(
    tmp_path: Path, state: str, phase: str, site: object
) -> None:
    """Whatever it is that is waited for."""
    del state
    async with ScriptedUpstream(silent) as auth, ScriptedUpstream(site) as upstream:  # type: ignore[arg-type]
        if phase == "proxy_on_configure":
            texts = Texts()
            module = tmp_path / "guest.wasm"
            module.write_bytes(caller(texts, phase, texts.http_call(timeout=60_000), answer=1))
        else:
            module = asking(tmp_path, "auth", phase, timeout=60_000)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        config = GatewayConfig.model_validate(written(setting, upstream.url))
        async with served(Gateway(config), 2) as (port, _), Client(port) as client:
            await client.send(GET)
            awaited = auth if phase in {REQUEST, RESPONSE} else upstream
            await awaited.until(lambda: len(awaited.requests) == 1)
            await asyncio.sleep(0.1)
            before = spent()
            await asyncio.sleep(WAITS)
            # A thread that spins takes all of it; one that looks at deadlines next to nothing.
            assert spent() - before < WAITS / 4
