"""Messages pass the gateway as they are, in both directions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.gateway.websocket.ends import between, exchange

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "message",
    ["hello", "", "\u2603" * 1000, b"\x00\xff", b"", b"x" * 125, b"x" * 126, b"x" * 65_536],
    ids=["text", "empty text", "snowmen", "bytes", "no bytes", "125", "126", "65536"],
)
async def test_a_message_comes_back(message: str | bytes) -> None:
    """Of either kind, also an empty one."""
    async with between() as gate, gate.connect() as client:
        assert await exchange(client, message) == message


async def test_a_megabyte_comes_back() -> None:
    """In one frame each way."""
    async with between() as gate, gate.connect() as client:
        assert await exchange(client, b"x" * MEGABYTE) == b"x" * MEGABYTE


async def test_many_messages_keep_their_order() -> None:
    """Sent without waiting for their echoes."""
    messages = [f"{number} " * (number % 50) for number in range(500)]
    async with between() as gate, gate.connect() as client:

        async def send() -> None:
            for message in messages:
                await client.send(message)

        sending = asyncio.create_task(send())
        assert [await client.recv() for _ in messages] == messages
        await sending


async def test_a_message_in_fragments_is_one_message() -> None:
    """From the client and from the upstream."""

    async def fragments(connection: ServerConnection) -> None:
        received = await connection.recv()
        assert isinstance(received, str)
        await connection.send(iter(received))

    async with between(fragments) as gate, gate.connect() as client:
        await client.send(iter(["he", "l", "", "lo"]))
        assert await client.recv() == "hello"


async def test_a_ping_is_answered() -> None:
    """By the other end in the data plane, by the gateway's server under ASGI."""
    async with between() as gate, gate.connect() as client:
        async with asyncio.timeout(10):
            await (await client.ping(b"now"))
        assert await exchange(client, "still there") == "still there"


async def test_the_upstream_pings_the_client() -> None:
    """As the client pings the upstream."""

    async def pings(connection: ServerConnection) -> None:
        await (await connection.ping(b"now"))
        await connection.send("it answered")

    async with asyncio.timeout(10), between(pings) as gate, gate.connect() as client:
        assert await client.recv() == "it answered"


async def test_ends_agree_on_a_subprotocol() -> None:
    """The client offers some, and the upstream takes one of them."""
    async with (
        between(upstream={"subprotocols": ["v2", "v3"]}) as gate,
        gate.connect(subprotocols=["v1", "v2"]) as client,
    ):
        assert client.subprotocol == "v2"
        assert await exchange(client, "hello") == "hello"


@pytest.mark.parametrize("client_has", [True, False])
@pytest.mark.parametrize("upstream_has", [True, False])
async def test_compression_is_the_business_of_the_ends(
    *, client_has: bool, upstream_has: bool
) -> None:
    """An end that offers permessage-deflate, or takes the offer, gets its messages all the same."""
    offers = {"compression": "deflate"}
    async with (
        between(
            upstream=offers if upstream_has else None,
            server={"ws_per_message_deflate": True},
        ) as gate,
        gate.connect(**(offers if client_has else {})) as client,
    ):
        message = "compressible " * 1000
        assert await exchange(client, message) == message
        assert await exchange(client, "") == ""
