"""HTTP calls on the wire: what goes out, what comes back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.callouts.asked import http
from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream, silent
from wasmgate.callouts.delivery import Answer
from wasmgate.callouts.failure import CalloutFailed
from wasmgate.callouts.http import HttpCalls
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.targets import fixed, target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wasmgate._native import Callout


@contextlib.asynccontextmanager
async def calls(limits: CalloutLimits | None = None) -> AsyncIterator[HttpCalls]:
    """Make calls within limits."""
    made = HttpCalls(limits or CalloutLimits())
    yield made
    made.close()


async def ask(
    upstream: ScriptedUpstream, callout: Callout, limits: CalloutLimits | None = None
) -> Answer:
    """Make one call to an upstream."""
    async with calls(limits) as made:
        return await made.call(callout, target("auth", fixed({"auth": upstream.url})))


async def test_the_request_is_what_the_policy_wrote() -> None:
    """Its method, path, authority, fields and body; what frames it is ours."""
    async with ScriptedUpstream() as upstream:
        fields = (b":method", b"POST"), (b"X-A", b"1"), (b"content-length", b"99")
        await ask(upstream, http(*fields, (b"connection", b"close"), body=b"body"))
        (request,) = upstream.requests
    assert request.line == b"POST /check?a=b HTTP/1.1"
    assert request.fields == [(b"host", b"auth.test"), (b"x-a", b"1"), (b"content-length", b"4")]
    assert request.body == b"body"


@pytest.mark.parametrize("name", [b"te", b"Trailer", b"upgrade", b"proxy-authorization", b"expect"])
async def test_fields_about_the_connection_stay_here(name: bytes) -> None:
    """A hop-by-hop field of a policy is not sent; one of an answer does not reach the policy."""

    async def answers(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n%b: x\r\ncontent-length: 0\r\n\r\n" % name)

    async with ScriptedUpstream(answers) as upstream:
        answer = await ask(upstream, http((name, b"x")))
        (request,) = upstream.requests
    assert request.fields == [(b"host", b"auth.test")]
    assert (answer.status, answer.headers) == (200, [(b"content-length", b"0")])


async def test_trailers_are_sent() -> None:
    """After a body in chunks, which is what HTTP/1.1 has for them."""
    seen: list[bytes] = []

    async def reads(peer: Peer) -> None:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        seen.extend([head, await peer.reader.readuntil(b"x-sum: 7\r\n\r\n")])
        await peer.answer()

    async with ScriptedUpstream(reads) as upstream:
        await ask(upstream, http((b":method", b"POST"), body=b"body", trailers=[(b"x-sum", b"7")]))
    assert b"transfer-encoding: chunked\r\n" in seen[0]
    assert seen[1] == b"4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n"


def chunked(peer: Peer) -> object:
    """Answer with a body in chunks, and a trailer."""
    head = b"HTTP/1.1 207 X\r\nx-user: ada\r\ntransfer-encoding: chunked\r\n\r\n"
    return peer.send(head + b"3\r\nwel\r\n4\r\ncome\r\n0\r\nx-sum: 7\r\n\r\n")


async def test_the_answer_is_whole() -> None:
    """Status, fields, body and trailers; no field about the connection."""

    async def answers(peer: Peer) -> None:
        await peer.request()
        await chunked(peer)  # type: ignore[misc]

    async with ScriptedUpstream(answers) as upstream:
        answer = await ask(upstream, http())
    assert answer == Answer(
        status=207,
        headers=[(b"x-user", b"ada")],
        body=b"welcome",
        trailers=[(b"x-sum", b"7")],
    )


async def test_redirects_are_answers() -> None:
    """Redirects are not followed."""

    async def redirects(peer: Peer) -> None:
        await peer.request()
        await peer.answer(status=302, fields=b"location: http://169.254.169.254/\r\n")

    async with ScriptedUpstream(redirects) as upstream:
        answer = await ask(upstream, http())
        assert len(upstream.requests) == 1
    assert answer.status == 302
    assert answer.headers[0] == (b"location", b"http://169.254.169.254/")


async def test_calls_share_a_connection() -> None:
    """One after the other."""
    async with ScriptedUpstream() as upstream, calls() as made:
        where = target("auth", fixed({"auth": upstream.url}))
        for _ in range(3):
            await made.call(http(), where)
        assert len(upstream.peers) == 1


async def test_an_answer_that_is_too_large() -> None:
    """Fails, and its connection is closed."""

    async def floods(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b"x" * 100_000)

    async with ScriptedUpstream(floods) as upstream:
        with pytest.raises(CalloutFailed, match="larger than 1000 bytes"):
            await ask(upstream, http(), CalloutLimits(response=1000))
        await upstream.until(lambda: upstream.open == 0)


async def test_a_call_that_is_given_up_closes_its_connection() -> None:
    """A late response is not read."""
    async with ScriptedUpstream(silent) as upstream:
        task = asyncio.ensure_future(ask(upstream, http()))
        await upstream.until(lambda: len(upstream.requests) == 1)
        task.cancel()
        await upstream.until(lambda: upstream.open == 0)
        assert task.cancelled()


async def closes(peer: Peer) -> None:
    """Script: close without an answer."""
    await peer.request()
    peer.close()


async def stops_half_way(peer: Peer) -> None:
    """Script: close in the middle of a body."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal")
    peer.close()


async def answers_nonsense(peer: Peer) -> None:
    """Script: speak something else."""
    await peer.request()
    await peer.send(b"SSH-2.0-x\r\n")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (closes, "without an answer"),
        (stops_half_way, "was cut: it closed the connection"),
        (answers_nonsense, "not a response of HTTP/1"),
    ],
)
async def test_no_answer(script: Script, reason: str) -> None:
    """Has a reason."""
    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(CalloutFailed, match=reason):
            await ask(upstream, http((b":method", b"POST")))


async def test_nobody_listens() -> None:
    """Has a reason, too."""
    async with ScriptedUpstream() as upstream:
        pass
    with pytest.raises(CalloutFailed, match="cannot connect"):
        await ask(upstream, http())


@pytest.mark.parametrize(
    "field",
    [
        (b":method", b"GET / HTTP/1.1\r\nx: y"),
        (b":method", b"CONNECT"),
        (b":path", b"/ HTTP/1.1\r\n\r\nGET /admin"),
        (b":path", b"http://elsewhere/"),
        (b":authority", b"auth\r\nx-injected: 1"),
        (b":authority", b"user@auth"),
        (b"x-a\r\nx-b", b"1"),
        (b"x a", b"1"),
        (b"x-a", b"1\r\nx-injected: 1"),
        (b"x-a", b"1\x00"),
    ],
)
async def test_a_second_request_cannot_be_written_into_the_first(
    field: tuple[bytes, bytes],
) -> None:
    """Nothing of it is sent."""
    async with ScriptedUpstream() as upstream:
        with pytest.raises(CalloutFailed):
            await ask(upstream, http(field))
        assert upstream.peers == []
