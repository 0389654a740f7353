"""Redis queries against a real server: replies byte for byte, logins, and a server that goes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.callouts.asked import asked
from tests.callouts.servers import Server, needs_redis, redis
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from wasmgate.callouts.failure import CalloutFailed
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.redis import RedisCalls
from wasmgate.callouts.resp import command
from wasmgate.callouts.targets import Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = needs_redis


@contextlib.asynccontextmanager
async def calls(limits: CalloutLimits | None = None) -> AsyncIterator[RedisCalls]:
    """Make queries within limits."""
    made = RedisCalls(limits or CalloutLimits())
    yield made
    made.close()


async def ask(
    made: RedisCalls, port: int, query: bytes, *, database: int = 0, **login: str
) -> bytes:
    """Make one query."""
    where = Target("127.0.0.1", port, secure=False, checked=False)
    return await made.call(asked(kind="redis", body=query, **login), where, database, 5.0)


async def test_replies_are_the_servers_bytes(tmp_path: Path) -> None:
    """Status, number, text, nothing, array and error each keep their form."""
    async with redis(tmp_path) as server, calls() as made:
        queries = {
            command("SET", "k", "v"): b"+OK\r\n",
            command("INCR", "n"): b":1\r\n",
            command("GET", "k"): b"$1\r\nv\r\n",
            command("GET", "none"): b"$-1\r\n",
            command("MGET", "k", "none"): b"*2\r\n$1\r\nv\r\n$-1\r\n",
            command("EVAL", "return {1,{'a'}}", "0"): b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
        }
        for query, reply in queries.items():
            assert await ask(made, server.port, query) == reply
        assert (await ask(made, server.port, command("INCR", "k"))).startswith(b"-ERR value is not")


async def test_several_commands_in_one_query(tmp_path: Path) -> None:
    """Their replies come together."""
    async with redis(tmp_path) as server, calls() as made:
        query = command("SET", "k", "v") + command("GET", "k")
        assert await ask(made, server.port, query) == b"+OK\r\n$1\r\nv\r\n"


async def test_many_at_once_share_a_connection(tmp_path: Path) -> None:
    """And each gets its own reply."""
    async with redis(tmp_path) as server, calls() as made:
        queries = [ask(made, server.port, command("ECHO", str(number))) for number in range(200)]
        replies = await asyncio.gather(*queries)
        assert replies == [b"$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(200)]
        clients = await ask(made, server.port, command("CLIENT", "LIST"))
        assert clients.count(b" addr=") == 1


async def test_databases_are_apart(tmp_path: Path) -> None:
    """Each has a connection of its own."""
    async with redis(tmp_path) as server, calls() as made:
        await ask(made, server.port, command("SET", "k", "v"), database=1)
        assert await ask(made, server.port, command("GET", "k")) == b"$-1\r\n"
        assert await ask(made, server.port, command("GET", "k"), database=1) == b"$1\r\nv\r\n"


async def test_a_password(tmp_path: Path) -> None:
    """The right one is accepted; a wrong one is a failure that does not show it."""
    async with redis(tmp_path, "--requirepass", "opensesame") as server, calls() as made:
        query = command("PING")
        assert await ask(made, server.port, query, password="opensesame") == b"+PONG\r\n"
        with pytest.raises(CalloutFailed, match="WRONGPASS") as failed:
            await ask(made, server.port, query, password="sesame")
        assert "sesame" not in str(failed.value)
        assert (await ask(made, server.port, query)).startswith(b"-NOAUTH")


async def test_a_server_that_goes(tmp_path: Path) -> None:
    """Fails what waits for it; when it is back, the next query finds it."""
    async with calls() as made:
        async with redis(tmp_path) as server:
            waiting = asyncio.ensure_future(
                ask(made, server.port, command("EVAL", "while true do end", "0"))
            )
            await started(made, server)
            await server.stop()
            with pytest.raises(CalloutFailed, match="Redis closed the connection"):
                await waiting
            with pytest.raises(CalloutFailed, match="cannot connect to Redis"):
                await ask(made, server.port, command("PING"))
        async with redis(tmp_path, port=server.port):
            assert await ask(made, server.port, command("PING")) == b"+PONG\r\n"


async def started(made: RedisCalls, server: Server) -> None:
    """Wait until a query is with the server."""
    assert server.process.returncode is None
    while not any(task.done() and task.result()._waiting for task in made._connections.values()):
        await asyncio.sleep(0.01)


async def test_no_reply_in_time(tmp_path: Path) -> None:
    """Ends the connection: what follows on it would wait, too."""
    async with redis(tmp_path) as server, calls() as made:
        where = Target("127.0.0.1", server.port, secure=False, checked=False)
        slow = asked(kind="redis", body=command("XREAD", "BLOCK", "0", "STREAMS", "s", "$"))
        with pytest.raises(TimeoutError):
            await made.call(slow, where, 0, 0.1)
        assert await ask(made, server.port, command("PING")) == b"+PONG\r\n"


async def test_who_gives_up_costs_the_others_nothing(tmp_path: Path) -> None:
    """Its reply is dropped in its turn."""
    async with redis(tmp_path) as server, calls() as made:
        await ask(made, server.port, command("PING"))
        given_up = asyncio.ensure_future(ask(made, server.port, command("ECHO", "a")))
        other = asyncio.ensure_future(ask(made, server.port, command("ECHO", "b")))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await other == b"$1\r\nb\r\n"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (b"PING\r\n", "not a RESP command"),
        (b"", "whole commands"),
        (command("PING")[:-1], "whole commands"),
        (command("PING") * 65, "whole commands"),
        (b"+OK\r\n", "not a RESP command"),
        (command("subscribe", "c"), "SUBSCRIBE is refused"),
        (command("PING") + command("SELECT", "1"), "SELECT is refused"),
    ],
)
async def test_what_is_not_sent(query: bytes, reason: str) -> None:
    """It would confuse the replies of others."""
    async with ScriptedUpstream() as upstream, calls() as made:
        with pytest.raises(CalloutFailed, match=reason):
            await ask(made, upstream.port, query)
        assert upstream.peers == []


async def test_a_reply_that_is_too_large(tmp_path: Path) -> None:
    """Fails before it is whole."""
    async with redis(tmp_path) as server, calls(CalloutLimits(response=10_000)) as made:
        query = command("EVAL", "return string.rep('x', 1000000)", "0")
        with pytest.raises(CalloutFailed, match="larger than 10000 bytes"):
            await ask(made, server.port, query)


async def test_what_is_no_redis() -> None:
    """Is hung up on."""

    async def speaks_http(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with ScriptedUpstream(speaks_http) as upstream, calls() as made:
        with pytest.raises(CalloutFailed):
            await ask(made, upstream.port, command("PING"))
        await upstream.until(lambda: upstream.open == 0)
