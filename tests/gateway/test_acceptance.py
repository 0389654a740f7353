"""What a proxy must not get wrong: every HTTP row of the acceptance table, under real uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.gateway.serving import Client, ask, both_forms, configuration, one_thread, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = both_forms

ANSWER = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def gate(
    *scripts: Callable[[Peer], Awaitable[None]],
) -> AsyncIterator[tuple[int, ScriptedUpstream]]:
    """Serve a gateway before a scripted upstream; gives its port and the upstream."""
    async with (
        ScriptedUpstream(*scripts) as upstream,
        serve(Gateway(configuration(upstream.url))) as port,
    ):
        yield port, upstream


@pytest_asyncio.fixture
async def plain() -> AsyncIterator[tuple[int, ScriptedUpstream]]:
    """Serve a gateway before an upstream that answers with the request line."""
    async with gate() as both:
        yield both


def sending(response: bytes, *, close: bool = False) -> Callable[[Peer], Awaitable[None]]:
    """Script: answer each request with these bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response)
            if close:
                peer.close()

    return script


async def test_set_cookie_lines_stay_apart() -> None:
    """Two Set-Cookie lines of the upstream are two lines for the client."""
    cookies = b"set-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n"
    async with gate(sending(ANSWER + cookies)) as (port, _):
        assert (await ask(port)).values(b"set-cookie") == [b"a=1", b"b=2"]


async def test_response_field_named_in_connection() -> None:
    """What Connection names, and the hop-by-hop fields, stay between upstream and gateway."""
    fields = (
        b"connection: x-hop, keep-alive\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n"
        b"proxy-authenticate: Basic\r\nx-end: 1\r\ncontent-length: 0\r\n\r\n"
    )
    async with gate(sending(ANSWER + fields)) as (port, _):
        names = {name for name, _ in (await ask(port)).fields}
        assert names == {b"x-end", b"content-length", b"date"}


async def test_request_fields_about_the_connection(plain: tuple[int, ScriptedUpstream]) -> None:
    """What Connection names, and the hop-by-hop fields, stay between client and gateway."""
    port, upstream = plain
    fields = (
        b"connection: X-Hop , close\r\nx-hop: 1\r\nte: gzip\r\nkeep-alive: 300\r\n"
        b"proxy-authorization: Basic eA==\r\nproxy-connection: keep-alive\r\nx-end: 1\r\n"
    )
    await ask(port, fields=fields)
    seen = {name for name, _ in upstream.requests[0].fields}
    about = {b"connection", b"x-hop", b"te", b"keep-alive", b"proxy-authorization"}
    assert seen & (about | {b"proxy-connection"}) == set()
    assert b"x-end" in seen


async def test_repeated_request_fields(plain: tuple[int, ScriptedUpstream]) -> None:
    """Two lines of a request field are two lines for the upstream."""
    port, upstream = plain
    await ask(port, fields=b"x-dup: 1\r\nx-dup: 2\r\n")
    assert upstream.requests[0].values(b"x-dup") == [b"1", b"2"]


async def test_forwarded_for_of_a_stranger(plain: tuple[int, ScriptedUpstream]) -> None:
    """X-Forwarded-* of an untrusted peer is replaced by what the gateway sees."""
    port, upstream = plain
    await ask(port, fields=b"x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\n")
    request = upstream.requests[0]
    forwarded = [request.values(b"x-forwarded-for"), request.values(b"x-forwarded-proto")]
    assert forwarded == [[b"127.0.0.1"], [b"http"]]


async def test_forwarded_for_of_a_trusted_proxy() -> None:
    """A trusted peer is believed and appended."""
    async with ScriptedUpstream() as upstream:
        config = configuration(upstream.url, trusted_proxies=["127.0.0.0/8"])
        async with serve(Gateway(config)) as port:
            await ask(port, fields=b"x-forwarded-for: 198.51.100.7\r\n")
        assert upstream.requests[0].values(b"x-forwarded-for") == [b"198.51.100.7, 127.0.0.1"]


async def test_via(plain: tuple[int, ScriptedUpstream]) -> None:
    """The gateway adds itself to Via."""
    port, upstream = plain
    await ask(port)
    assert upstream.requests[0].values(b"via") == [b"1.1 wasmgate"]


async def test_two_authorizations(plain: tuple[int, ScriptedUpstream]) -> None:
    """Two credentials are refused: a policy could check one, the upstream take the other."""
    port, upstream = plain
    reply = await ask(port, fields=b"authorization: Bearer a\r\nAuthorization: Bearer b\r\n")
    assert (reply.status, upstream.requests) == (400, [])


async def test_underscores(plain: tuple[int, ScriptedUpstream]) -> None:
    """A field that some upstreams read as another one does not reach them."""
    port, upstream = plain
    reply = await ask(port, fields=b"x_user: admin\r\n")
    reached = [value for request in upstream.requests for value in request.values(b"x_user")]
    assert reached == []
    assert reply.status in {200, 400}


@pytest.mark.parametrize(
    "target",
    [b"/echo/a%2Fb", b"/echo?b=%20+x&c", b"/a//b", b"//127.0.0.1:9666/x", b"/%7Euser;v=1?", b"/?"],
)
async def test_targets_are_byte_exact(plain: tuple[int, ScriptedUpstream], target: bytes) -> None:
    """Path and query reach the configured upstream, and no other, as they came."""
    port, upstream = plain
    reply = await ask(port, target)
    expected = {target, target.rstrip(b"?")}  # uvicorn does not tell an empty query from none
    assert (reply.status, upstream.requests[0].line.split(b" ")[1] in expected) == (200, True)


@pytest.mark.parametrize("target", [b"/echo/%2e%2e/admin", b"/echo/../admin", b"/a/%2E./b"])
async def test_dot_segments(plain: tuple[int, ScriptedUpstream], target: bytes) -> None:
    """A path that policies and upstreams could read differently is refused."""
    port, upstream = plain
    reply = await ask(port, target)
    assert (reply.status, upstream.requests) == (400, [])


async def both_directions(peer: Peer) -> None:
    """Script: answer each chunk of the request as it comes."""
    request = await peer.head()
    await peer.send(ANSWER + b"transfer-encoding: chunked\r\n\r\n")
    async for chunk in peer.body(request):
        await peer.send(b"%x\r\n%b\r\n" % (len(chunk), chunk.upper()))
    await peer.send(b"0\r\n\r\n")


async def test_chunked_upload_is_streamed() -> None:
    """Chunks of a request reach the upstream, and those of its answer the client, one by one."""
    async with gate(both_directions) as (port, _), Client(port) as client:
        await client.send(
            b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        answers = [(await client.head()).status.to_bytes(2, "big")]
        for word in (b"ping", b"pong"):
            await client.send(b"%x\r\n%b\r\n" % (len(word), word))
            answers.append(await client.chunk())
        await client.send(b"0\r\n\r\n")
        answers.append(await client.chunk())
        assert answers == [b"\x00\xc8", b"PING", b"PONG", b""]


async def test_long_upload_is_streamed() -> None:
    """An upload with a length reaches the upstream while it comes."""
    size = 1_500_000
    begun = asyncio.Event()
    received: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.head()
        received.append(await peer.reader.readexactly(1000))
        begun.set()
        received.append(await peer.reader.readexactly(size - 1000))
        await peer.answer()

    body = bytes(range(256)) * (size // 256 + 1)
    async with gate(script) as (port, upstream), Client(port) as client:
        head = b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: %d\r\n\r\n" % size
        await client.send(head + body[:1000])
        await begun.wait()
        await client.send(body[1000:size])
        reply = await client.reply()
        assert (reply.status, b"".join(received)) == (200, body[:size])
        assert upstream.requests[0].values(b"content-length") == [b"1500000"]


async def silent(peer: Peer) -> None:
    """Script: read the request's head, answer nothing."""
    await peer.head()


async def endless(peer: Peer) -> None:
    """Script: a response that begins and does not end."""
    await peer.head()
    await peer.send(ANSWER + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")


UPLOAD = b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.mark.parametrize("rest", [b"\r\n", UPLOAD, b"content-length: 9\r\n\r\nhel"])
@pytest.mark.parametrize("script", [silent, endless])
async def test_client_leaves(script: Callable[[Peer], Awaitable[None]], rest: bytes) -> None:
    """When the client leaves, before or in the response or the upload, so does the gateway."""
    async with gate(script) as (port, upstream):
        async with Client(port) as client:
            await client.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\n" + rest)
            await upstream.until(lambda: bool(upstream.requests))
            if script is endless:
                await client.head()
        async with asyncio.timeout(1):
            await upstream.until(lambda: upstream.open == 0)


@one_thread
async def test_head_keeps_its_length() -> None:
    """A response to HEAD tells the length that GET would have."""
    async with gate(sending(ANSWER + b"content-length: 1234\r\n\r\n")) as (port, upstream):
        replies = [await ask(port, method=b"HEAD") for _ in range(2)]
        assert [reply.values(b"content-length") for reply in replies] == [[b"1234"]] * 2
        assert len(upstream.peers) == 1


TRUNCATED = {
    "length": b"content-length: 50\r\n\r\nhello",
    "chunked": b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
}


@pytest.mark.parametrize("wire", TRUNCATED.values(), ids=TRUNCATED)
async def test_truncated_response(wire: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A response that the upstream cuts short is cut for the client; no traceback is logged."""
    async with gate(sending(ANSWER + wire, close=True)) as (port, _):
        with pytest.raises(asyncio.IncompleteReadError):
            await ask(port)
    assert [record.exc_info for record in caplog.records if record.exc_info] == []


async def test_location_is_left_alone() -> None:
    """The Location of a redirect is what the upstream wrote."""
    head = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere%2F?x\r\ncontent-length: 0\r\n\r\n"
    async with gate(sending(head)) as (port, _):
        reply = await ask(port)
        assert (reply.status, reply.values(b"location")) == (302, [b"/elsewhere%2F?x"])


async def test_keep_alive_between_requests() -> None:
    """Requests of one client connection share one upstream connection."""
    async with gate() as (port, upstream), Client(port) as client:
        bodies = []
        for i in range(3):
            await client.send(b"GET /%d HTTP/1.1\r\nhost: gate.test\r\n\r\n" % i)
            bodies.append((await client.reply()).body)
        assert bodies == [b"GET /%d HTTP/1.1" % i for i in range(3)]
        assert len(upstream.peers) == 1
