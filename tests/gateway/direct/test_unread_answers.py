"""A client that asks and does not read: what is kept for it is bounded, and its time is over."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.direct.gate import GET, OK, POST, gate
from tests.gateway.direct.pools import unread
from tests.gateway.guests import REFUSES, REQUEST_HEAD, with_policy
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, sends
from tests.gateway.serving import Client, configuration, serve
from wasmgate.gateway import Gateway, standalone

if TYPE_CHECKING:
    from pathlib import Path


NOWHERE = b"GET / HTTP/1.1\r\nhost: other.test\r\n\r\n"
ROUTE: dict[str, Any] = {
    "routes": [{"match": {"host": "gate.test", "prefix": "/"}, "cluster": "site"}]
}
# What the transport may hold, an answer, and what one step of the native connection may add.
BOUND = 512 * 1024

ASKED = {
    "404": NOWHERE,
    "404, as HTTP/1.0": b"GET /o HTTP/1.0\r\nhost: other.test\r\nconnection: keep-alive\r\n\r\n",
    "the answer of a policy": GET,
    "OPTIONS that go no further": (
        b"OPTIONS / HTTP/1.1\r\nhost: gate.test\r\nmax-forwards: 0\r\n\r\n"
    ),
    "TRACE that goes no further": b"TRACE / HTTP/1.1\r\nhost: gate.test\r\nmax-forwards: 0\r\n\r\n",
    "forwarded": GET,
    "forwarded and not": GET + NOWHERE * 50,
    "an upload that is refused": (
        b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 2\r\n\r\nab" + NOWHERE
    ),
}


async def flood(port: int, asked: bytes, held: list[int], gateway: Gateway) -> None:
    """Ask without end and read nothing, until the gateway closes the connection."""
    loop = asyncio.get_running_loop()

    async def watch() -> None:
        while True:
            held[0] = max(held[0], await asyncio.to_thread(unread, gateway))

    watching = asyncio.ensure_future(watch())
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(0)
        await loop.sock_connect(raw, ("127.0.0.1", port))
        with contextlib.suppress(ConnectionError):
            while True:
                await loop.sock_sendall(raw, asked * (64_000 // len(asked)))
    watching.cancel()


@pytest.mark.parametrize("kind", ASKED)
async def test_what_is_kept_for_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers that wait are few, and the connection is closed in the end."""
    monkeypatch.setattr(standalone, "CLIENT_TIMEOUT", 0.6)
    changes: dict[str, Any] = dict(ROUTE)
    if kind == "the answer of a policy":
        changes |= with_policy(tmp_path, REFUSES, REQUEST_HEAD)
    answer = sends(OK + b"content-length: 1000\r\n\r\n" + bytes(1000))
    held = [0]
    async with asyncio.timeout(60), ScriptedUpstream(answer) as upstream:
        gateway = Gateway(configuration(upstream.url, **changes))
        async with serve(gateway) as port:
            await flood(port, ASKED[kind], held, gateway)
    assert 0 < held[0] < BOUND


async def test_a_client_that_reads_late_gets_all() -> None:
    """Requests that waited until the answers were read are answered, in order."""
    count = 20_000
    async with gate(**ROUTE) as (port, _), Client(port) as client:
        writing = asyncio.ensure_future(client.send(NOWHERE * count + GET))
        await asyncio.sleep(0.3)
        statuses = [(await client.reply()).status for _ in range(count + 1)]
        await writing
    assert (set(statuses[:-1]), statuses[-1]) == ({404}, 200)


async def test_a_byte_now_and_then_wins_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes on sending and takes nothing of a response is cut off."""
    monkeypatch.setattr(standalone, "CLIENT_TIMEOUT", 0.6)

    async def answers_at_once(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            await peer.send(bytes(1 << 20))

    async with (
        asyncio.timeout(20),
        gate(answers_at_once) as (port, upstream),
        Client(port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(POST + b"content-length: 100000\r\n\r\n")
        while upstream.open or not upstream.peers:
            with contextlib.suppress(ConnectionError):
                await client.send(b"x")
            await asyncio.sleep(0.05)
    assert upstream.open == 0
