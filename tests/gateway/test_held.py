"""Policies that hold a phase back, or answer in the middle of one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from tests.gateway.guests import (
    HOLDS,
    HOLDS_THEN_REFUSES,
    LOGS,
    REFUSES,
    REQUEST_BODY,
    REQUEST_HEAD,
    RESPONSE_BODY,
    RESPONSE_HEAD,
    with_policy,
)
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.gateway.serving import Client, ask, both_forms, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path
    from typing import Any

pytestmark = both_forms

NEVER = 1_000_000  # milliseconds
PHASES = [REQUEST_HEAD, REQUEST_BODY, RESPONSE_HEAD, RESPONSE_BODY]


@contextlib.asynccontextmanager
async def gate(
    policy: dict[str, Any], *scripts: Callable[[Peer], Awaitable[None]]
) -> AsyncIterator[tuple[int, ScriptedUpstream]]:
    """Serve a gateway with a policy before a scripted upstream."""
    async with (
        ScriptedUpstream(*scripts) as upstream,
        serve(Gateway(configuration(upstream.url, **policy))) as port,
    ):
        yield port, upstream


async def repeat(peer: Peer) -> None:
    """Script: answer with the request's body, in pieces."""
    request = await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for i in range(len(request.body)):
        await peer.send(b"1\r\n%b\r\n" % request.body[i : i + 1])
        await asyncio.sleep(0.01)
    await peer.send(b"0\r\n\r\n")


@pytest.mark.parametrize("phase", PHASES)
async def test_without_a_body(tmp_path: Path, phase: int) -> None:
    """A request whose head or whose response is held goes on when the policy lets it."""
    async with gate(with_policy(tmp_path, HOLDS, phase)) as (port, _):
        assert (await ask(port, b"/x")).body == b"GET /x HTTP/1.1"


FRAMINGS = {
    "whole": [b"content-length: 6\r\n\r\nabcdef"],
    "in parts": [b"content-length: 6\r\n\r\n", b"abc", b"def"],
    "chunked": [b"transfer-encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n"],
    "late": [b"transfer-encoding: chunked\r\n\r\n", b"", b"", b"6\r\nabcdef\r\n0\r\n\r\n"],
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
@pytest.mark.parametrize("phase", PHASES)
async def test_with_a_body(tmp_path: Path, phase: int, framing: list[bytes]) -> None:
    """Bodies of both directions pass whole, whichever phase was held while they came."""
    policy = with_policy(tmp_path, HOLDS, phase)
    async with gate(policy, repeat) as (port, _), Client(port) as client:
        await client.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\n")
        for part in framing:
            await client.send(part)
            await asyncio.sleep(0.02)
        reply = await client.reply()
        assert (reply.status, reply.body) == (200, b"abcdef")


NONE, PART, WHOLE = b"\r\n", b"content-length: 6\r\n\r\nabc", FRAMINGS["whole"][0]


@pytest.mark.parametrize(
    ("phase", "rest"),
    [(REQUEST_HEAD, rest) for rest in (NONE, PART, WHOLE)]
    + [(REQUEST_BODY, rest) for rest in (PART, WHOLE)]
    + [(phase, rest) for phase in (RESPONSE_HEAD, RESPONSE_BODY) for rest in (NONE, WHOLE)],
)
async def test_client_leaves(
    tmp_path: Path, phase: int, rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that leaves while a policy holds its request ends the policy's stream, too."""
    caplog.set_level(logging.INFO, "wasmgate.policy")
    policy = with_policy(tmp_path, HOLDS, phase, delay=NEVER)
    async with gate(policy) as (port, upstream):
        async with Client(port) as client:
            await client.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\n" + rest)
            await upstream.until(lambda: "held" in caplog.messages)
        await upstream.until(lambda: "good-bye" in caplog.messages)


async def never_answers(peer: Peer) -> None:
    """Script: read a head, and leave the rest of the request on the socket."""
    await peer.head()


@pytest.mark.parametrize("phase", [REQUEST_HEAD, REQUEST_BODY, RESPONSE_HEAD])
async def test_refused(tmp_path: Path, phase: int) -> None:
    """A policy's own answer is the client's, from each phase."""
    async with gate(with_policy(tmp_path, REFUSES, phase), repeat) as (port, _):
        async with Client(port) as client:
            await client.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 1\r\n\r\nx")
            reply = await client.reply()
        assert (reply.status, reply.body) == (403, b"refused")


async def test_refused_while_uploading(tmp_path: Path) -> None:
    """An answer in the middle of an upload is sent at once and ends the upstream's part."""
    policy = with_policy(tmp_path, REFUSES, REQUEST_BODY)
    async with gate(policy, never_answers) as (port, upstream), Client(port) as client:
        await client.send(
            b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        await upstream.until(lambda: bool(upstream.requests))
        await client.send(b"3\r\nabc\r\n")
        reply = await client.reply()
        assert (reply.status, reply.body) == (403, b"refused")
        await upstream.until(lambda: upstream.open == 0)


async def test_response_without_a_body(tmp_path: Path) -> None:
    """A response that is all head is held, and goes on, like any other."""

    async def no_content(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with gate(with_policy(tmp_path, HOLDS, RESPONSE_HEAD), no_content) as (port, _):
        assert (await ask(port)).status == 204


async def begins(peer: Peer) -> None:
    """Script: a response that begins and does not end."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal")


@pytest.mark.parametrize("phase", [REQUEST_HEAD, RESPONSE_HEAD])
async def test_refused_later(tmp_path: Path, phase: int) -> None:
    """An answer from a tick takes the place of what was held, and ends the upstream's part."""
    policy = with_policy(tmp_path, HOLDS_THEN_REFUSES, phase)
    async with gate(policy, begins) as (port, upstream):
        reply = await ask(port)
        assert (reply.status, reply.body) == (403, b"good-bye")
        await upstream.until(lambda: upstream.open == 0)


async def test_refused_too_late(tmp_path: Path) -> None:
    """An answer when the response is on its way can only cut it."""
    policy = with_policy(tmp_path, HOLDS_THEN_REFUSES, RESPONSE_BODY)
    async with gate(policy, begins) as (port, upstream):
        with pytest.raises(asyncio.IncompleteReadError):
            await ask(port)
        await upstream.until(lambda: upstream.open == 0)


async def test_remarks_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a policy logs about a body reaches its logger, and the body the client."""
    caplog.set_level(logging.INFO, "wasmgate.policy")
    async with gate(with_policy(tmp_path, LOGS, 0)) as (port, _):
        assert (await ask(port)).body == b"GET / HTTP/1.1"
    assert ("wasmgate.policy.guest", logging.INFO, "a part") in caplog.record_tuples
