"""What the log says of responses that were none, and of those that were cut."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.gateway.direct.gate import OK, POST, converse, gate
from tests.gateway.scripted_upstream import Peer, Script, sends
from tests.gateway.serving import Client, ask
from wasmgate.telemetry.fault_log import BURST

SECRET = b"/a%20b?token=secret"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha"
HOSTCALLS = Path("tests/fixtures/hostcalls.wasm").absolute()


async def resets(peer: Peer) -> None:
    """Script: close with a reset."""
    await peer.request()
    peer.reset()


SAID = {
    "not HTTP": (
        sends(b"SSH-2.0-OpenSSH\r\n"),
        r'gave no valid response to GET /a%20b: not a response of HTTP/1: "SSH-2.0-OpenSSH\r\n"',
    ),
    "control characters": (
        sends(b"\x1b[31m\n\x00"),
        r'gave no valid response to GET /a%20b: not a response of HTTP/1: "\x1b[31m\n\x00"',
    ),
    "a field": (
        sends(b"HTTP/1.1 200 OK\r\nx: \x01\r\n\r\n"),
        r'gave no valid response to GET /a%20b: the head is malformed: "x: \x01\r\n"',
    ),
    "lengths": (
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        'GET /a%20b: Content-Length is not one decimal number: "content-length: 2"',
    ),
    "nothing": (
        sends(close=True),
        "gave no valid response to GET /a%20b: it closed the connection without an answer",
    ),
    "a reset": (resets, "gave no valid response to GET /a%20b: the connection was reset"),
    "half": (
        sends(HALF, close=True),
        "to GET /a%20b was cut: it closed the connection 2 bytes before the end of the body",
    ),
}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the gateway's warnings."""
    return [each.message for each in caplog.records if each.name == "wasmgate.gateway"]


@pytest.mark.parametrize("kind", SAID)
async def test_what_was_wrong(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The endpoint, the request without its query, and the bytes, escaped: in one line."""
    script, said = SAID[kind]
    async with gate(script) as (port, upstream):
        await converse(port, b"GET %b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" % SECRET)
    (line,) = lines(caplog)
    assert (line.endswith(said), upstream.url in line) == (True, True), line


async def test_a_response_that_a_policy_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A body that no longer has the length that was announced ends the response, with a line."""
    policy = {
        "module": str(HOSTCALLS),
        "configuration": "response_body: set_body response 0 1000 a",
    }
    changes = {"policies": {"own": policy}, "default_policies": ["own"]}
    answer: Script = sends(OK + b"content-length: 10\r\n\r\n", b"0123456789")
    async with gate(answer, config=changes) as (port, upstream):
        await converse(port, b"GET /x?y HTTP/1.1\r\nhost: a\r\n\r\n")
    why = "a policy changed the length of the body after it was announced"
    assert lines(caplog) == [f"the response of {upstream.url} to GET /x was cut: {why}"]


async def test_what_clients_do_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    """A client that breaks off, or breaks the rules, is nothing to warn of."""
    async with gate(sends(HALF)) as (port, upstream):
        for wire in (
            POST + b"content-length: 5\r\n\r\nab",
            POST + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
            b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        ):
            async with Client(port) as client:
                await client.send(wire)
        async with Client(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await client.head()
        await upstream.until(lambda: upstream.open == 0)
    assert [each.message for each in caplog.records if each.levelno > logging.INFO] == []


async def test_many_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that fails every request fills no disk."""
    async with gate(sends(b"nonsense\r\n", close=True)) as (port, _):
        for _ in range(10 * BURST):
            await ask(port)
    assert BURST <= len(lines(caplog)) < 5 * BURST
