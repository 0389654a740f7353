"""A short run of the differential fuzzer, always with the same inputs, and what it believes."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.differential import again, compare, fuzz
from tests.fuzz.recorder import Client, Recorder
from tests.fuzz.sockets import Sockets
from tests.fuzz.subjects import NGINX, Subject, lanes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.fuzz.recorder import Answer

REQUEST = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"


async def test_nothing_differs_without_a_reason() -> None:
    """Both forms, and nginx where it is installed, forward and answer the same."""
    findings = await fuzz(numbers=range(400), width=8, patience=2)
    assert (findings.inputs, findings.found) == (400, Counter())


@dataclass
class Lenient(Subject):
    """A server that takes what it must refuse, as if the client had written it properly."""

    mended: Callable[[bytes], bytes]

    def ask(self, data: bytes, response: bytes, patience: float) -> asyncio.Future[Answer]:
        """Send what it makes of an input."""
        return super().ask(self.mended(data), response, patience)


# For each fault that a data plane may have: what it differs from, and inputs that show it.
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def from_nginx(fault: str, number: int, mended: Callable[[bytes], bytes]) -> object:
    """Describe a fault that shows in what is forwarded."""
    return pytest.param("nginx", number, mended, id=fault, marks=needs_nginx)


@pytest.mark.parametrize(
    ("name", "number", "mended"),
    [
        pytest.param(
            "asgi", 4_300_003, lambda data: re.sub(rb"(?<!\r)\n", b"\r\n", data), id="a bare LF"
        ),
        from_nginx("a bare CR", 4_300_155, lambda data: re.sub(rb"\r(?!\n)", b" ", data)),
        from_nginx("space before a colon", 4_300_050, lambda data: data.replace(b" :", b":")),
        from_nginx("a signed length", 4_300_385, lambda data: data.replace(b": +", b": ")),
        from_nginx("a list of lengths", 4_300_130, lambda data: data.replace(b"5, 5", b"5")),
        from_nginx("any coding", 4_300_739, lambda data: data.replace(b"xchunked", b"chunked")),
        from_nginx("a decoded slash", 4_300_171, lambda data: data.replace(b"%2F", b"/")),
        from_nginx(
            "two framings",
            4_300_188,
            lambda data: data.replace(b"content-length: 5\r\ntransfer", b"transfer"),
        ),
    ],
)
async def test_a_planted_fault_is_found(
    name: str, number: int, mended: Callable[[bytes], bytes]
) -> None:
    """The input that shows it is found beside others, which are not."""
    numbers = range(number - 3, number + 3)
    async with lanes(2, [name]) as started:
        faulty = [
            [
                Lenient(one.name, one.port, one.upstream, one.client, mended)
                if one.name == "direct"
                else one
                for one in lane
            ]
            for lane in started
        ]
        findings = await compare(faulty, numbers, patience=1, waits=((0.1,), (0.1,)))
        sound = await compare(started, numbers, patience=1, waits=((0.1,), (0.1,)))
    assert [found.split(":")[0] for found in findings.found.elements()] == [name]
    assert sound.found == Counter()


@contextlib.asynccontextmanager
async def subject(sockets: Sockets, name: str, *statuses: int) -> AsyncIterator[Subject]:
    """Run a server that answers connections with these statuses, the last for ever, if any."""
    left = list(statuses)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not left:
            writer.close()
            return
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Subject(name, port, Recorder(sockets), Client(sockets))


@needs_nginx
async def test_a_data_plane_that_waits_for_nothing_is_found() -> None:
    """It does not answer what nginx answers."""
    number = 4_300_171
    async with lanes(1, ["nginx"]) as [[direct, nginx]]:
        late = Lenient("direct", direct.port, direct.upstream, direct.client, lambda data: data[:9])
        findings = await compare([[late, nginx]], [number], patience=0.5, waits=((0.1,), (0.1,)))
    assert findings.found == Counter({"nginx: waits, nginx answers [200, 200]": 1})


async def test_a_data_plane_that_does_not_answer_is_found() -> None:
    """It closes the connection instead, which nothing has to be compared to."""
    sockets = Sockets()
    async with subject(sockets, "direct") as mute:
        with sockets.running():
            findings = await compare([[mute]], range(1), patience=1, waits=((0.1,), (0.1,)))
    assert findings.found == Counter({"direct: [] closed": 1})


@pytest.mark.parametrize(
    ("statuses", "lasting"), [((500, 500, 200), False), ((500, 500, 500), True)]
)
async def test_an_input_differs_only_if_it_does_each_time(
    statuses: tuple[int, ...], *, lasting: bool
) -> None:
    """A difference that a late server caused is not a finding."""
    sockets = Sockets()
    async with (
        subject(sockets, "direct", 200) as direct,
        subject(sockets, "asgi", *statuses) as asgi,
    ):
        with sockets.running():
            _, differed = await again([direct, asgi], REQUEST, b"", waits=(0.1, 0.1, 0.1))
    assert differed is lasting
