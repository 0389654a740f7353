"""Bodies that stream, wait, are decided before their head goes on, or are sent by a policy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.guests import HOLDS, REQUEST_HEAD, RESPONSE_HEAD, with_policy
from tests.gateway.serving import Client, ask
from tests.places.placing import begins, placed, trails, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.scripted_upstream import Peer

POST = b"POST / HTTP/1.1\r\nhost: gate.test\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
UNTIL_END = "(i32.eqz (local.get $end))"
LARGE = b"x" * (3 << 20)

# In the last callback of a body: a field more, and another body.
DECIDES = """
  (if (local.get $end) (then
    (drop (call $add (i32.const MAP) (i32.const 32) (i32.const 5) (i32.const 37) (i32.const 1)))
    (drop (call $set_body (i32.const BUFFER) (i32.const 0) (i32.const -1) (i32.const 16)
      (i32.const 4)))))
  (i32.eqz (local.get $end))"""


async def echo(peer: Peer) -> None:
    """Script: answer with the body of the request."""
    request = await peer.request()
    await peer.answer(request.body)


async def test_each_event_reaches_the_client_before_the_next(tmp_path: Path, place: str) -> None:
    """A policy with a callback for the body does not make events wait for one another."""
    asked = asyncio.Queue[bytes]()

    async def events(peer: Peer) -> None:
        await peer.request()
        head = b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        await peer.send(b"HTTP/1.1 200 OK\r\n" + head)
        while event := await asked.get():
            await peer.send(b"%x\r\n%b\r\n" % (len(event), event))
        await peer.send(b"0\r\n\r\n")

    module = write(tmp_path, response_body="(i32.const 0)")
    async with placed(place, module, events) as (port, _), Client(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
        await client.head()
        for number in range(3):
            event = b"data: %d\n\n" % number
            asked.put_nowait(event)
            assert await client.chunk() == event
        asked.put_nowait(b"")
        assert await client.chunk() == b""


async def test_each_part_of_an_upload_reaches_the_upstream(tmp_path: Path, place: str) -> None:
    """The same the other way."""
    parts = asyncio.Queue[bytes]()

    async def takes(peer: Peer) -> None:
        async for part in peer.body(await peer.head()):
            parts.put_nowait(part)
        await peer.answer()

    module = write(tmp_path, request_body="(i32.const 0)")
    async with placed(place, module, takes) as (port, _), Client(port) as client:
        await client.send(CHUNKED)
        for part in (b"ab", b"cd"):
            await client.send(b"2\r\n%b\r\n" % part)
            assert await asyncio.wait_for(parts.get(), 10) == part
        await client.send(b"0\r\n\r\n")
        assert (await client.reply()).status == 200


def resumed_by_a_tick(folder: Path, phase: int) -> Path:
    """Write a policy that pauses at a head until its tick."""
    with_policy(folder, HOLDS, phase, delay=200)
    return folder / "guest.wasm"


async def test_what_waits_behind_a_head_is_read_when_there_is_room(
    tmp_path: Path, place: str
) -> None:
    """A paused request may be longer than the limit: its sender waits, and nothing is lost."""
    module = resumed_by_a_tick(tmp_path, REQUEST_HEAD)
    async with placed(place, module, echo, body=100_000) as (port, _), Client(port) as client:
        await client.send(POST + b"content-length: %d\r\n\r\n" % len(LARGE))
        sending = asyncio.ensure_future(client.send(LARGE))
        reply = await client.reply()
        await sending
        assert (reply.status, reply.body == LARGE) == (200, True)


async def test_a_response_behind_its_head_is_read_when_there_is_room(
    tmp_path: Path, place: str
) -> None:
    """A paused response may be longer than the limit, too."""

    async def large(peer: Peer) -> None:
        await peer.request()
        await peer.answer(LARGE)

    module = resumed_by_a_tick(tmp_path, RESPONSE_HEAD)
    async with placed(place, module, large, body=100_000) as (port, _):
        reply = await ask(port)
        assert (reply.status, reply.body == LARGE) == (200, True)


async def test_too_much_of_a_held_request_is_413(tmp_path: Path, place: str) -> None:
    """The body callback paused, so all of it would have to be kept; the head waits as well."""
    module = write(tmp_path, request_headers="(i32.const 1)", request_body=UNTIL_END)
    async with placed(place, module, echo, body=4, partial=True) as (port, _):
        for length, sent, status in ((4, 4, 200), (6, 5, 413)):
            async with Client(port) as client:
                await client.send(POST + b"content-length: %d\r\n\r\n" % length + b"x" * sent)
                assert (await client.reply()).status == status


async def test_too_much_of_a_held_response_is_500(tmp_path: Path, place: str) -> None:
    """While its head waits, too, a clean answer is possible."""

    async def five_of_six(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n12345")

    module = write(tmp_path, response_headers="(i32.const 1)", response_body=UNTIL_END)
    async with placed(place, module, five_of_six, body=4, partial=True) as (port, _):
        assert (await ask(port)).status == 500


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 6\r\n\r\nabcdef",
        b"transfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
async def test_a_request_is_decided_before_its_head_goes_on(
    tmp_path: Path, place: str, framing: bytes
) -> None:
    """The upstream gets the new field, the new body, and its length."""
    body = DECIDES.replace("MAP", "0").replace("BUFFER", "0")
    module = write(tmp_path, request_headers="(i32.const 1)", request_body=body)
    async with placed(place, module, echo, partial=True) as (port, upstream):
        async with Client(port) as client:
            await client.send(POST + framing)
            assert (await client.reply()).body == b"held"
        request = upstream.requests[0]
        assert (request.values(b"x-sum"), request.values(b"content-length")) == ([b"1"], [b"4"])


async def test_a_response_is_decided_before_its_head_goes_on(tmp_path: Path, place: str) -> None:
    """The client gets the new field, the new body, and its length."""
    body = DECIDES.replace("MAP", "2").replace("BUFFER", "1")
    module = write(tmp_path, response_headers="(i32.const 1)", response_body=body)
    async with placed(place, module, partial=True) as (port, _):
        reply = await ask(port)
        assert (reply.status, reply.body) == (200, b"held")
        assert (reply.values(b"x-sum"), reply.values(b"content-length")) == ([b"1"], [b"4"])


async def test_continue_and_end_stream_ends_nothing(tmp_path: Path, place: str) -> None:
    """It is Continue, as in Envoy: both bodies go on."""
    module = write(tmp_path, request_headers="(i32.const 2)", response_headers="(i32.const 2)")
    async with placed(place, module, echo) as (port, _), Client(port) as client:
        await client.send(POST + b"content-length: 2\r\n\r\nab")
        reply = await client.reply()
        assert (reply.status, reply.body) == (200, b"ab")


async def test_a_policy_sends_on_a_response_itself(tmp_path: Path, place: str) -> None:
    """It takes what comes, and sends something else, chunk by chunk."""
    injects = "(drop (call $inject (i32.const 16) (i32.const 4) (local.get $end))) (i32.const 3)"
    module = write(tmp_path, response_body=injects)
    async with placed(place, module, trails) as (port, _), Client(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
        await client.head()
        assert await client.chunk() == b"held"


async def test_a_policy_ends_a_response_itself(tmp_path: Path, place: str) -> None:
    """The client has all of it, though the upstream goes on; its connection is closed."""
    injects = "(drop (call $inject (i32.const 16) (i32.const 4) (i32.const 1))) (i32.const 3)"
    module = write(tmp_path, response_body=injects)
    async with placed(place, module, begins) as (port, upstream), Client(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
        assert (await client.reply()).body == b"held"
        if place != "middleware":
            await upstream.until(lambda: upstream.open == 0)
