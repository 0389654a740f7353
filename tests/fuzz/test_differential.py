"""A short run of the differential fuzzer, always with the same inputs, and what it believes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.differential import again, fuzz
from tests.fuzz.recorder import Recorder
from tests.fuzz.subjects import Subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUEST = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"


async def test_nothing_differs_without_a_reason() -> None:
    """Both forms, and nginx where it is installed, forward and answer the same."""
    findings = await fuzz(numbers=range(400), width=8, patience=2)
    assert (findings.inputs, findings.found) == (400, Counter())


@contextlib.asynccontextmanager
async def subject(name: str, *statuses: int) -> AsyncIterator[Subject]:
    """Run a server that answers connections with these statuses, the last of them for ever."""
    left = list(statuses)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Subject(name, server.sockets[0].getsockname()[1], Recorder())


@pytest.mark.parametrize(
    ("statuses", "lasting"), [((500, 500, 200), False), ((500, 500, 500), True)]
)
async def test_an_input_differs_only_if_it_does_each_time(
    statuses: tuple[int, ...], *, lasting: bool
) -> None:
    """What a server that was late made different is no finding."""
    async with subject("direct", 200) as direct, subject("asgi", *statuses) as asgi:
        _, differed = await again([direct, asgi], REQUEST, b"", waits=(0.1, 0.1, 0.1))
    assert differed is lasting
