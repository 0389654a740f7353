"""Trailers, where there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client, configuration
from tests.middleware.asgi_server import Connection, http_scope, part
from tests.places.placing import begins, placed, trails, write
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.scripted_upstream import Peer

GET = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"
ADD = "(call $add (i32.const {}) (i32.const 32) (i32.const 5) (i32.const 37) (i32.const 1))"


def adds(trailers: int, when: str = "(i32.const 1)") -> str:
    """Add `x-sum: 1` to a map of trailers, and go on."""
    return f"(if {when} (then (drop {ADD.format(trailers)}))) (i32.const 0)"


async def ends(peer: Peer) -> None:
    """Script: a response in chunks, without trailers."""
    await begins(peer)
    await peer.send(b"0\r\n\r\n")


@pytest.mark.parametrize("by", ["request_trailers", "request_body"])
async def test_trailers_of_a_request_reach_the_upstream(tmp_path: Path, by: str) -> None:
    """With what a policy adds to them, also when it is the first to add any."""
    seen: list[bytes] = []

    async def takes(peer: Peer) -> None:
        await peer.head()
        seen.append(await peer.reader.readuntil(b"\r\n0\r\n"))
        seen.append(await peer.reader.readuntil(b"\r\n\r\n") if by else b"")
        await peer.answer()

    when = "(i32.const 1)" if by == "request_trailers" else "(local.get $end)"
    sent = b"X-Own: 2\r\nContent-Length: 9\r\n" if by == "request_trailers" else b""
    module = write(tmp_path, **{by: adds(1, when)})
    async with placed("direct", module, takes) as (port, _), Client(port) as client:
        await client.send(
            b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        await client.send(b"2\r\nab\r\n0\r\n" + sent + b"\r\n")
        assert (await client.reply()).status == 200
    own = b"x-own: 2\r\n" if sent else b""
    assert seen[1] == own + b"x-sum: 1\r\n\r\n"


@pytest.mark.parametrize("by", ["response_trailers", "response_body"])
async def test_trailers_of_a_response_reach_the_client(tmp_path: Path, by: str) -> None:
    """With what a policy adds to them, also when it is the first to add any."""
    when = "(i32.const 1)" if by == "response_trailers" else "(local.get $end)"
    module = write(tmp_path, **{by: adds(3, when)})
    script = trails if by == "response_trailers" else ends
    async with placed("direct", module, script) as (port, _), Client(port) as client:
        await client.send(GET)
        await client.head()
        assert await client.chunk() == b"ok"
        own = b"x-own: 1\r\n" if script is trails else b""
        expected = b"0\r\n" + own + b"x-sum: 1\r\n\r\n"
        assert await client.reader.readexactly(len(expected)) == expected


@pytest.mark.parametrize("known", [True, False])
async def test_servers_that_know_trailers_get_them(tmp_path: Path, *, known: bool) -> None:
    """ASGI's extension `http.response.trailers`; other servers get none."""
    policies = {"guest": {"module": str(write(tmp_path, response_trailers=adds(3)))}}
    async with ScriptedUpstream(trails) as upstream:
        gateway = Gateway(
            configuration(upstream.url, policies=policies, default_policies=["guest"])
        )
        extensions: dict[str, dict[str, str]] = {"http.response.trailers": {}} if known else {}
        scope = http_scope(headers=[(b"host", b"gate.test")], extensions=extensions)
        connection = await Connection(gateway, scope, part(b"")).done()
    trailers = [m for m in connection.sent if m["type"] == "http.response.trailers"]
    headers = [(b"x-own", b"1"), (b"x-sum", b"1")]
    expected = [{"type": "http.response.trailers", "headers": headers}] if known else []
    assert (trailers, connection.start.get("trailers", False)) == (expected, known)
