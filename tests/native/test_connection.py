"""`Connection`: however the bytes of both sides are cut, the result is the same."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmgate._native import Chain, Cluster, Connection, Route, Router

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CODED = re.compile(rb"^transfer-encoding: chunked\r$", re.IGNORECASE | re.MULTILINE)
LENGTH = re.compile(rb"^content-length: (\d+)\r$", re.IGNORECASE | re.MULTILINE)
DATE = re.compile(rb"(?<=\r\n)date: [^\r]*\r\n")
BODILESS = re.compile(rb"HTTP/1.1 (1\d\d|204|304) ")
OK = b"HTTP/1.1 200 OK\r\n"


def connection() -> Connection:
    """Make a connection whose requests all go to one cluster."""
    cluster = Cluster(name="c", endpoints=["http://127.0.0.1:1"], lb_policy="round_robin")
    route = Route(
        name="r",
        host=None,
        prefix="/",
        prefix_rewrite=None,
        chain=Chain([]),
        cluster="c",
        timeout=None,
    )
    router = Router(
        clusters=[cluster],
        routes=[route],
        trusted_proxies=[],
        headers=100,
        header_bytes=8192,
        body=None,
    )
    return Connection(router, ("192.0.2.1", 1), ("192.0.2.2", 80), secure=False)


def cut(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    """Cut bytes at some places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return (data[start:end] for start, end in itertools.pairwise(ends))


def dechunked(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Read messages off a stream: heads, and bodies without their chunked coding."""
    messages: list[tuple[bytes, bytes]] = []
    while stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        head += b"\r\n"
        body = b""
        if BODILESS.match(head) or stream.startswith(b"HTTP/1.1 "):
            pass  # the latter: it answered HEAD
        elif CODED.search(head):
            while stream:
                size, _, stream = stream.partition(b"\r\n")
                length = int(size, 16)
                if not length:
                    trailers, _, stream = (b"\r\n" + stream).partition(b"\r\n\r\n")
                    body += b"|end|" + trailers
                    break
                body, stream = body + stream[:length], stream[length + 2 :]
        elif found := LENGTH.search(head):
            length = int(found[1])
            body, stream = stream[:length], stream[length:]
        else:
            body, stream = stream, b""
        messages.append((head, body))
    return messages


Seen = tuple[list[tuple[bytes, bytes]], list[list[tuple[bytes, bytes]]], int]
ENDS = Connection.CLOSE | Connection.RESET


def talk(requests: Iterable[bytes], response: bytes, places: list[int]) -> Seen:
    """Return what the client saw, what each upstream that answered saw, and how it ended.

    The client sends its bytes, then each request is answered with `response` and a hang-up.
    """
    native = connection()
    client = b""
    upstreams: list[bytes] = []
    flags = 0

    def take(out: tuple[int, bytes | None, bytes | None, int]) -> None:
        nonlocal client, flags
        now, to_client, to_upstream, dial = out
        flags |= now & ENDS
        if now & Connection.ABANDON and upstreams and not answering:
            upstreams.pop()  # given up before it answered: how far it got depends on the cuts
        if dial >= 0:
            upstreams.append(b"")
        if to_upstream is not None:
            upstreams[-1] += to_upstream
        client += to_client or b""

    answering = False
    for piece in requests:
        take(native.receive(piece))
    answered = 0
    answering = True
    while answered < len(upstreams):
        answered += 1
        for piece in cut(response, places):
            if answered < len(upstreams):
                break  # it was whole: the next request has its turn
            take(native.receive_upstream(piece))
        if answered == len(upstreams):
            take(native.receive_upstream_eof())
    # Which second it is depends on nothing here.
    client = DATE.sub(b"", client)
    return dechunked(client), [dechunked(each) for each in upstreams], flags


GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nhost: x\r\n"
REQUESTS = [
    GET,
    b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    POST + b"content-length: 5\r\n\r\nhello",
    POST + b"content-length: 5\r\nexpect: 100-continue\r\n\r\nhello",
    POST + b"transfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n",
    b"GET http://y/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
]
RESPONSES = [
    OK + b"content-length: 5\r\n\r\nhello",
    OK + b"content-length: 0\r\n\r\n",
    OK + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nx-sum: y\r\n\r\n",
    OK + b"\r\nuntil the end",
    b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
]
PLACES = st.lists(st.integers(0, 500), max_size=12)


@st.composite
def mutated(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with a few of them replaced, removed or doubled."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 3))
        data[place : place + length] = draw(
            st.one_of(
                st.sampled_from(
                    [b"\r", b"\n", b"\r\n", b" ", b":", b"\0", b"0", b",", b";", b"\t"]
                ),
                st.just(bytes(data[place : place + 20])),
                st.binary(max_size=3),
            )
        )
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_cut_gives_the_same(data: st.DataObject) -> None:
    """Valid or mutated, pipelined or alone, whole, byte by byte or anyhow cut."""
    parts = data.draw(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=3))
    requests = data.draw(mutated(b"".join(parts)))
    response = data.draw(mutated(data.draw(st.sampled_from(RESPONSES))))
    whole = talk([requests], response, [])
    bytewise = range(len(requests) + len(response))
    assert talk(cut(requests, bytewise), response, list(bytewise)) == whole
    assert talk(cut(requests, data.draw(PLACES)), response, data.draw(PLACES)) == whole


def test_bytes_that_go_on_are_not_copied() -> None:
    """A chunk of a body of known length is the object that came in."""
    native = connection()
    native.receive(POST + b"content-length: 10000\r\n\r\n")
    chunk = bytes(10_000)
    assert native.receive(chunk)[2] is chunk
    native.receive_upstream(OK + b"content-length: 20000\r\n\r\n")
    assert native.receive_upstream(chunk)[1] is chunk


def test_who_is_waited_for() -> None:
    """The client until it has sent its request, then the upstream."""
    native = connection()
    waited: list[Literal["client", "upstream", "policy"]] = []
    for piece in (POST + b"content-length: 2\r\n\r\n", b"ab"):
        native.receive(piece)
        waited.append(native.waits_for)
    assert waited == ["client", "upstream"]


def test_no_such_failure() -> None:
    """A failure has one of few names."""
    with pytest.raises(ValueError, match="no such failure"):
        connection().fail("weather")
