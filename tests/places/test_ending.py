"""Who may end a stream, in every phase: its policies are told once, the upstream is let go."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import silent
from tests.gateway.serving import Client
from tests.places.placing import FAREWELL, begins, placed, trails, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.scripted_upstream import Script, ScriptedUpstream
    from tests.places.conftest import Said

PHASES = (
    "request_headers",
    "request_body",
    "request_trailers",
    "upstream",
    "response_headers",
    "response_body",
    "response_trailers",
)
REQUEST = (
    b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
)
TRAILERS = {"request_trailers": b"x-own: 1\r\n"}
SCRIPTS: dict[str, Script] = {"upstream": silent, "response_trailers": trails}


def phases_of(place: str) -> tuple[str, ...]:
    """Return the phases that there are: uvicorn has no trailers for its apps."""
    missing = {"middleware": ("request_trailers", "response_trailers"), "asgi": PHASES[2:3]}
    return tuple(phase for phase in PHASES if phase not in missing.get(place, ()))


PLACES_AND_PHASES = [(p, phase) for p in ("middleware", "asgi", "direct") for phase in phases_of(p)]

IN_CALLBACKS = [(place, phase) for place, phase in PLACES_AND_PHASES if phase != "upstream"]


def holds(folder: Path, phase: str, act: str = "") -> Path:
    """Write a policy that says when it has one phase, acts, and stops everything there."""
    stop = "(i32.const 4)" if phase.endswith("headers") else "(i32.const 1)"
    return write(folder, **({} if phase == "upstream" else {phase: f"(call $held) {act} {stop}"}))


async def until_held(upstream: ScriptedUpstream, said: Said, phase: str) -> None:
    """Wait until the stream is in the phase."""
    if phase == "upstream":
        await upstream.until(lambda: bool(upstream.requests))
    else:
        await upstream.until(lambda: bool(said.lines("held")))


async def until_ended(upstream: ScriptedUpstream, said: Said) -> None:
    """Wait until the policy's context is deleted, and check that it was told all of it once."""
    await upstream.until(lambda: bool(said.lines("delete")))
    assert said.lines(*FAREWELL) == FAREWELL


@pytest.mark.parametrize(("place", "phase"), PLACES_AND_PHASES)
async def test_the_client_leaves(tmp_path: Path, place: str, phase: str, said: Said) -> None:
    """The stream ends at once, and what the upstream is in the middle of is given up."""
    script = SCRIPTS.get(phase, begins)
    async with placed(place, holds(tmp_path, phase), script) as (port, upstream):
        async with Client(port) as client:
            await client.send(REQUEST + TRAILERS.get(phase, b"") + b"\r\n")
            await until_held(upstream, said, phase)
        await until_ended(upstream, said)
        if phase != "response_trailers":
            await upstream.until(lambda: upstream.open == 0)
    assert said.lines(*FAREWELL) == FAREWELL


@pytest.mark.parametrize(("place", "phase"), IN_CALLBACKS)
async def test_the_policy_closes_it(tmp_path: Path, place: str, phase: str, said: Said) -> None:
    """`proxy_close_stream`: no response comes to its end."""
    closes = holds(tmp_path, phase, "(drop (call $close (i32.const 0)))")
    async with placed(place, closes, trails) as (port, upstream), Client(port) as client:
        await client.send(REQUEST + TRAILERS.get(phase, b"") + b"\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert (await client.reply()).status == 500
        await until_ended(upstream, said)
    assert said.lines(*FAREWELL) == FAREWELL


@pytest.mark.parametrize(("place", "phase"), IN_CALLBACKS)
async def test_the_policy_answers(tmp_path: Path, place: str, phase: str, said: Said) -> None:
    """`proxy_send_local_response`: the client gets it, or what it has begun to get is cut."""
    answers = holds(
        tmp_path,
        phase,
        "(drop (call $respond (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 16)"
        " (i32.const 4) (i32.const 0) (i32.const 0) (i32.const -1)))",
    )
    async with placed(place, answers, trails) as (port, upstream), Client(port) as client:
        await client.send(REQUEST + TRAILERS.get(phase, b"") + b"\r\n")
        if phase in {"response_body", "response_trailers"}:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.reply()
        else:
            reply = await client.reply()
            assert (reply.status, reply.body) == (403, b"held")
        await until_ended(upstream, said)
    assert said.lines(*FAREWELL) == FAREWELL


@pytest.mark.parametrize("phase", ["request_body", "upstream", "response_headers", "response_body"])
@pytest.mark.parametrize("place", ["asgi", "direct"])
async def test_the_deadline_passes(tmp_path: Path, place: str, phase: str, said: Said) -> None:
    """504 while that can be said, else a cut; the upstream's connection is closed."""
    script = SCRIPTS.get(phase, begins)
    module = holds(tmp_path, phase)
    async with placed(place, module, script, within="300ms") as (port, upstream):
        async with Client(port) as client:
            await client.send(REQUEST + TRAILERS.get(phase, b"") + b"\r\n")
            if phase == "response_body":
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await client.reply()
            else:
                assert (await client.reply()).status == 504
            await until_ended(upstream, said)
        await upstream.until(lambda: upstream.open == 0)
    assert said.lines(*FAREWELL) == FAREWELL


@pytest.mark.parametrize(("place", "phase"), PLACES_AND_PHASES)
async def test_the_server_stops(tmp_path: Path, place: str, phase: str, said: Said) -> None:
    """What has not ended when the server's patience does is ended with it."""
    script = SCRIPTS.get(phase, begins)
    async with contextlib.AsyncExitStack() as outside:
        async with placed(place, holds(tmp_path, phase), script) as (port, upstream):
            client = await outside.enter_async_context(Client(port))
            await client.send(REQUEST + TRAILERS.get(phase, b"") + b"\r\n")
            await until_held(upstream, said, phase)
        assert said.lines(*FAREWELL) == FAREWELL
