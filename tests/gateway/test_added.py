"""What both forms of the gateway add to what an upstream says, or say instead of it."""

from __future__ import annotations

import asyncio
import logging
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.calling import HTTP, call
from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream, dripping, sends, silent
from tests.gateway.serving import Client, ask, both_forms, configuration, serve
from wasmgate.gateway import Gateway
from wasmgate.gateway.asgi import downstream

if TYPE_CHECKING:
    from wasmgate._asgi import Message

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"
UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\n"


@both_forms
@pytest.mark.parametrize("date_header", [True, False])
@pytest.mark.parametrize(
    "answer", [EMPTY, OK + b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n"]
)
async def test_every_response_has_one_date(
    answer: bytes,
    date_header: bool,  # noqa: FBT001
    form: str,
) -> None:
    """The upstream's, or one of our own; a server that writes its own writes the only one."""
    async with ScriptedUpstream(sends(answer)) as upstream:
        gateway = Gateway(configuration(upstream.url))
        async with serve(gateway, date_header=date_header) as port:
            (date,) = (await ask(port)).values(b"date")
    old = parsedate_to_datetime(date.decode()).year == 1994
    assert old == (b"1994" in answer and not (date_header and form == "asgi"))


@both_forms
@pytest.mark.parametrize("host", [b"gate.test", b"other.test"])
async def test_answers_of_the_gateway_have_a_date(host: bytes) -> None:
    """Also those that no route is for."""
    routes = [{"match": {"host": "gate.test", "prefix": "/"}, "cluster": "site"}]
    gateway = Gateway(configuration("http://127.0.0.1:1", routes=routes))
    async with serve(gateway) as port, Client(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost: %b\r\n\r\n" % host)
        assert len((await client.reply()).values(b"date")) == 1


async def test_under_an_unknown_server_nothing_is_added() -> None:
    """Others add it themselves, and a second one would be wrong."""
    async with ScriptedUpstream(sends(EMPTY)) as upstream:
        sent = await call(Gateway(configuration(upstream.url)), [])
    assert [name for name, _ in sent[0]["headers"]] == [b"content-length"]


@both_forms
@pytest.mark.parametrize(
    ("method", "body"), [(b"OPTIONS", b""), (b"TRACE", b"TRACE /a?b HTTP/1.1")]
)
async def test_max_forwards_0_is_answered(method: bytes, body: bytes) -> None:
    """The request goes no further; TRACE is told what came, but for what may be secret."""
    async with ScriptedUpstream() as upstream:
        async with serve(Gateway(configuration(upstream.url))) as port:
            fields = b"max-forwards: 0\r\ncookie: secret\r\n"
            reply = await ask(port, b"/a?b", fields, method)
        assert (reply.status, upstream.peers) == (200, [])
    assert (reply.body[: len(body)], b"secret" in reply.body) == (body, False)


@both_forms
@pytest.mark.parametrize(
    ("method", "value", "forwarded"),
    [
        (b"OPTIONS", b"3", b"2"),
        (b"TRACE", b"1", b"0"),
        (b"GET", b"0", b"0"),
        (b"OPTIONS", b"x", b"x"),
    ],
)
async def test_max_forwards_is_counted_down(method: bytes, value: bytes, forwarded: bytes) -> None:
    """For OPTIONS and TRACE; of other methods, and where it is not a number, it stays as it is."""
    async with ScriptedUpstream(sends(EMPTY)) as upstream:
        async with serve(Gateway(configuration(upstream.url))) as port:
            assert (await ask(port, b"/", b"max-forwards: %b\r\n" % value, method)).status == 200
        assert upstream.requests[0].values(b"max-forwards") == [forwarded]


@both_forms
@pytest.mark.parametrize("body", [b"", b"content-length: 5\r\n"])
async def test_half_a_websocket_handshake_is_never_forwarded(form: str, body: bytes) -> None:
    """Also where the server knows no WebSocket and takes it for a page that is asked for."""
    async with ScriptedUpstream() as upstream:
        async with serve(Gateway(configuration(upstream.url)), ws="none") as port:
            reply = await ask(port, b"/ws", UPGRADE + body)
        assert (reply.status, upstream.peers) == (501 if form == "asgi" else 400, [])


HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b.js>\r\n\r\n"


async def test_early_hints_go_on_where_the_server_can() -> None:
    """ASGI has an extension for them."""
    async with ScriptedUpstream(sends(HINTS, EMPTY)) as upstream:
        offered: dict[str, Any] = {"http.response.early_hint": {}}
        gateway = Gateway(configuration(upstream.url))
        sent = await call(gateway, [], extensions=offered)
        without = await call(gateway, [])
    hint = {"type": "http.response.early_hint", "links": [b"</a.css>", b"</b.js>"]}
    kinds = [message["type"] for message in sent]
    assert kinds in (
        ["http.response.early_hint", "http.response.start", "http.response.body"],
        ["http.response.start", "http.response.body"],  # the response was there with them
    )
    assert (sent[0] == hint) == (len(kinds) == 3)
    assert [message["type"] for message in without] == ["http.response.start", "http.response.body"]


async def test_early_hints_come_early() -> None:
    """Before there is a response."""
    answer = asyncio.Event()

    async def hints(peer: Peer) -> None:
        await peer.request()
        await peer.send(HINTS)
        await answer.wait()
        await peer.send(EMPTY)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        answer.set()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async with ScriptedUpstream(hints) as upstream:
        scope = {**HTTP, "extensions": {"http.response.early_hint": {}}}
        await Gateway(configuration(upstream.url))(scope, receive, send)
    assert [message["type"] for message in sent][:2] == [
        "http.response.early_hint",
        "http.response.start",
    ]


BREAKS_OFF = {
    "in the head": b"GET / HTTP/1.1\r\nhost: a",
    "in the body": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab",
    "in a chunk": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    "with a bad chunk": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxy\r\n",
    "before the answer": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "behind the body": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab",
}


@both_forms
@pytest.mark.parametrize("script", [silent, dripping])
@pytest.mark.parametrize("where", BREAKS_OFF)
async def test_a_client_that_breaks_off_is_no_error(
    where: str, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    """No traceback, and no line of an error: clients come and go."""
    async with (
        ScriptedUpstream(script) as upstream,
        serve(Gateway(configuration(upstream.url))) as port,
    ):
        async with Client(port) as client:
            await client.send(BREAKS_OFF[where])
            await asyncio.sleep(0.05)
        await upstream.until(lambda: upstream.open == 0)
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR or each.exc_info]
    assert errors == []


async def test_a_server_that_says_the_client_is_gone() -> None:
    """It raises an OSError out of `send` (ASGI 2.4), which ends the request and no more."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: Message) -> None:
        raise ConnectionResetError

    async with ScriptedUpstream(sends(EMPTY)) as upstream:
        await Gateway(configuration(upstream.url))(dict(HTTP), receive, send)


@pytest.mark.parametrize("host", [b"gate.test", b"other.test"])
async def test_a_client_that_takes_nothing_is_let_go(
    host: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that waits for such a client ends after its time, and policies learn of it."""
    monkeypatch.setattr(downstream, "CLIENT_TIMEOUT", 0.3)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: Message) -> None:
        await asyncio.Event().wait()

    routes = [{"match": {"host": "gate.test", "prefix": "/"}, "cluster": "site"}]
    async with asyncio.timeout(10), ScriptedUpstream(sends(EMPTY)) as upstream:
        gateway = Gateway(configuration(upstream.url, routes=routes))
        scope: dict[str, Any] = {**HTTP, "headers": [(b"host", host)]}
        await gateway(scope, receive, send)
        assert gateway._deployment.loop_state()._under_way == set()


async def test_a_client_that_takes_nothing_is_closed_under_uvicorn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There the app can close the connection of the client."""
    monkeypatch.setattr(downstream, "CLIENT_TIMEOUT", 0.3)

    async def flood(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            await peer.send(bytes(1 << 20))

    async with (
        asyncio.timeout(20),
        ScriptedUpstream(flood) as upstream,
        serve(Gateway(configuration(upstream.url))) as port,
        Client(port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await upstream.until(lambda: bool(upstream.peers) and upstream.open == 0)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.reader.readexactly(1000000000)
