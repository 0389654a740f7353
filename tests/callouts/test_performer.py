"""Callouts of policies around an app: every kind, the bounds, and what ends them."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Any

from tests.callouts.servers import needs_redis, redis
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, silent
from tests.middleware.apps import echo
from tests.middleware.asgi_server import DISCONNECT, Connection, get, http_scope, part
from tests.native.callout_guests import Texts, caller
from wasmgate import CalloutLimits, Capabilities, Policy, PolicyMiddleware
from wasmgate.callouts.performer import _LOOPS
from wasmgate.callouts.resp import command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import pytest


REQUEST = "proxy_on_request_headers"


def around(module: bytes, folder: Path, **rest: Any) -> PolicyMiddleware:  # noqa: ANN401
    """Put a policy around an app; `net` and `functions` are its capabilities."""
    path = folder / "guest.wasm"
    path.write_bytes(module)
    capabilities = Capabilities(
        net=rest.pop("net", ("auth",)), foreign_functions=rest.pop("functions", ())
    )
    return PolicyMiddleware(
        echo, policies=[Policy(path, name="guest", capabilities=capabilities)], **rest
    )


def asking(folder: Path, url: str, callback: str = REQUEST, **rest: Any) -> PolicyMiddleware:  # noqa: ANN401
    """Put a policy that makes an HTTP call to `url`."""
    texts = Texts()
    module = caller(texts, callback, texts.http_call(timeout=60_000))
    return around(module, folder, clusters={"auth": url}, **rest)


def running() -> int:
    """Count the callouts of this loop."""
    return len(_LOOPS[asyncio.get_running_loop()].running)


async def test_an_async_function_of_the_application(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Awaited outside of the callback; its result reaches the policy."""

    async def lookup(arguments: bytes) -> bytes:
        await asyncio.sleep(0)
        return arguments.upper()

    app = foreign(tmp_path, lookup)
    assert (await get(app)).status == 200
    assert "buffer 8 0 ADA" in said()


def foreign(folder: Path, function: Callable[[bytes], Awaitable[bytes]]) -> PolicyMiddleware:
    """Put a policy that calls a function with "ada"."""
    texts = Texts()
    operands = f"{texts.push(b'acme.lookup')} {texts.push(b'ada')}"
    call = texts.done(f"(call $foreign {operands} (i32.const 0) (i32.const 0))")
    return around(
        caller(texts, REQUEST, call),
        folder,
        net=(),
        functions=("acme.lookup",),
        foreign_functions={"acme.lookup": function},
    )


async def test_an_async_function_that_raises(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The policy gets an empty result; the log has the traceback."""

    async def broken(_: bytes) -> bytes:
        raise LookupError

    with caplog.at_level(logging.INFO, "wasmgate.policy"):
        assert (await get(foreign(tmp_path, broken))).status == 200
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage() == "foreign function acme.lookup failed"
    assert record.exc_info is not None
    assert "buffer 8 0 " in [each.getMessage() for each in caplog.records]


@needs_redis
async def test_a_redis_query(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """Also in another database, behind a name with a query."""
    async with redis(tmp_path, "--requirepass", "opensesame") as server:
        name = f"127.0.0.1:{server.port}"
        texts = Texts()
        login = " ".join(texts.push(each) for each in (f"{name}?db=3".encode(), b"", b"opensesame"))
        query = f"{texts.push(f'{name}?db=3'.encode())} {texts.push(command('PING'))}"
        call = texts.done(f"(call $redis {query} (i32.const 64))")
        module = caller(
            texts, REQUEST, f"(drop (call $redis_init {login} (i32.const 1000))) {call}"
        )
        app = around(module, tmp_path, net=(name,))
        assert (await get(app)).status == 200
    assert r"buffer 9 0 +PONG\r\n" in said()
    assert "opensesame" not in "\n".join(said())


async def test_over_the_limit(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """The next callout fails at once, and one line says so for all of them."""
    async with ScriptedUpstream(silent) as auth:
        app = asking(tmp_path, auth.url, callout_limits=CalloutLimits(per_policy=2))
        waiting = [Connection(app, http_scope()) for _ in range(2)]
        await auth.until(lambda: len(auth.requests) == 2)
        for _ in range(3):
            assert (await get(app)).status == 200
        for each in waiting:
            each.give(DISCONNECT)
        await asyncio.gather(*(each.done() for each in waiting))
    refused = [line for line in said() if "was refused" in line]
    (line,) = refused
    assert line == (
        "HTTP call to auth was refused: 2 callouts of this policy are in flight"
        " (further refusals are not logged for 10 s)"
    )
    assert said().count("status 0 2 callouts of this policy are in flight") == 3


async def test_a_client_that_leaves(tmp_path: Path) -> None:
    """Its callout's task ends and its connection is closed."""
    async with ScriptedUpstream(silent) as auth:
        connection = Connection(asking(tmp_path, auth.url), http_scope())
        await auth.until(lambda: len(auth.requests) == 1)
        assert running() == 1
        connection.give(DISCONNECT)
        await connection.done()
        await auth.until(lambda: auth.open == 0)
        assert running() == 0


async def test_a_server_that_cancels_its_app(tmp_path: Path) -> None:
    """As when it has waited long enough for requests to end."""
    async with ScriptedUpstream(silent) as auth:
        connection = Connection(asking(tmp_path, auth.url), http_scope())
        await auth.until(lambda: len(auth.requests) == 1)
        connection.task.cancel()
        await auth.until(lambda: auth.open == 0)
        assert running() == 0


async def test_a_tick_calls_out(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """Between requests, of no stream."""

    async def welcomes(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer(b"welcome")

    async with ScriptedUpstream(welcomes) as auth:
        app = ticking(tmp_path, auth.url)
        await get(app)
        await auth.until(lambda: "buffer 4 0 welcome" in said())
        app.drivers.current().close()


def ticking(folder: Path, url: str) -> PolicyMiddleware:
    """Put a policy that makes a call in its only tick."""
    texts = Texts()
    start = (
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)'
        " (drop (call $period (i32.const 10))) (i32.const 1))"
    )
    once = f"(drop (call $period (i32.const 0))) {texts.http_call(timeout=60_000)}"
    module = caller(texts, "proxy_on_tick", once, start)
    return around(module, folder, clusters={"auth": url})


async def test_a_middleware_that_is_dropped_ends_its_callouts(tmp_path: Path) -> None:
    """Nothing else would: they belong to no request."""
    async with ScriptedUpstream(silent) as auth:
        app = ticking(tmp_path, auth.url)
        await get(app)
        await auth.until(lambda: len(auth.requests) == 1)
        del app
        gc.collect()
        await auth.until(lambda: auth.open == 0)
        assert running() == 0


async def test_a_policy_that_lives_on_hears_of_the_end(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Its request goes on as the policy says."""
    async with ScriptedUpstream(silent) as auth:
        app = asking(tmp_path, auth.url)
        connection = Connection(app, http_scope(), part(b""))
        await auth.until(lambda: len(auth.requests) == 1)
        app.drivers.current().close()
        await connection.done()
        await auth.until(lambda: auth.open == 0)
    assert connection.sent[0]["status"] == 200
    assert "status 0 the gateway closed before the callout completed" in said()


async def answers_twice(peer: Peer) -> None:
    """Script: one request, two answers."""
    await peer.request()
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    await peer.send(answer + answer)


async def answers_late(peer: Peer) -> None:
    """Script: answer when the other end has closed."""
    await peer.request()
    await peer.reader.read()
    await peer.answer()


async def never_whole(peer: Peer) -> None:
    """Script: begin an answer."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal")


async def hangs_up(peer: Peer) -> None:
    """Script: close instead of an answer."""
    await peer.request()
    peer.close()


async def test_nothing_is_left(tmp_path: Path) -> None:
    """After many requests whose callouts go wrong in every way: no task, connection or waiter."""
    scripts = [answers_twice, answers_late, never_whole, hangs_up, silent]
    async with ScriptedUpstream(*(scripts * 40)) as auth:
        app = asking(tmp_path, auth.url)
        for _ in range(6):
            await leave(app, auth, 20)
        # A task ends without an event of the service, so no event would resume the wait.
        async with asyncio.timeout(10):
            while any(counted(auth).values()):
                await asyncio.sleep(0.01)


async def leave(app: PolicyMiddleware, auth: ScriptedUpstream, clients: int) -> None:
    """Send requests, and give those up whose callout gets no answer: three of five."""
    asked = len(auth.requests) + clients
    connections = [Connection(app, http_scope(), part(b"")) for _ in range(clients)]
    await auth.until(lambda: len(auth.requests) >= asked and running() <= clients * 3 // 5)
    for connection in connections:
        connection.give(DISCONNECT)
    await asyncio.gather(*(connection.done() for connection in connections))


def counted(auth: ScriptedUpstream) -> dict[str, int]:
    """Count what could leak; the test itself is a task too."""
    loop = asyncio.get_running_loop()
    gc.collect()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return {
        "tasks": len(others),
        "callouts": running(),
        "in_flight": _LOOPS[loop].admission.in_flight,
        "connections": auth.open,
    }


async def test_a_refusal_after_dns_is_counted(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Each time, like those of the host; the log has one line for a while."""
    texts = Texts()
    # The system's resolver returns 127.0.0.1; the name is not a private one.
    module = caller(texts, REQUEST, texts.http_call(upstream=b"127.1:9"))
    app = around(module, tmp_path, net=("127.1:9",))
    assert [(await get(app)).status for _ in range(3)] == [200] * 3
    assert app.host.denials() == [("guest", "net", "127.1:9", 3)]
    (line,) = [line for line in said() if line.startswith("PermissionDenied")]
    assert "may not reach '127.1:9' (capability net): 127.1 resolves to 127.0.0.1" in line
