"""Event loops: one driver each, one instance a thread, and many requests at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING

from tests.middleware.apps import echo
from tests.middleware.asgi_server import Connection, get, http_scope, part, post
from tests.middleware.guests import guest
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.conftest import Said


async def test_two_hundred_requests_at_once() -> None:
    """Each held until its tick, and each with its own answer."""
    policy = guest(
        "configure: tick_period 10",
        "request_headers: pause",
        "tick: all resume request",
    )
    app = PolicyMiddleware(echo, policies=[policy])
    scopes = [http_scope(target=f"/{number}") for number in range(200)]
    connections = [Connection(app, scope, part(b"")) for scope in scopes]
    await asyncio.gather(*(connection.done() for connection in connections))
    paths = [f'"path": "/{number}"'.encode() for number in range(200)]
    assert all(path in c.body for path, c in zip(paths, connections, strict=True))


def test_each_event_loop_has_its_own_instance(said: Said) -> None:
    """On its thread; one middleware serves them all."""
    app = PolicyMiddleware(echo, policies=[guest("configure: tick_period 10")])
    statuses: list[int] = []

    async def serve() -> None:
        statuses.extend([(await post(app, b"ab", b"cd")).status for _ in range(20)])

    threads = [threading.Thread(target=asyncio.run, args=(serve(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert sum(name == "vm_start" for name in every_callback(said)) == 4


def every_callback(said: Said) -> list[str]:
    """Return the callbacks of all threads' instances."""
    return [line.split()[0] for line in said.lines(5)]


def test_one_loop_after_another_on_the_same_thread(said: Said) -> None:
    """The instance stays, and ticks again."""
    policy = guest(
        "configure: tick_period 10", "request_headers: pause", "tick: all resume request"
    )
    app = PolicyMiddleware(echo, policies=[policy])
    for _ in range(2):
        assert asyncio.run(get(app)).status == 200
    assert sum(name == "vm_start" for name in every_callback(said)) == 1


async def test_ticks_run_between_requests(said: Said) -> None:
    """From the first request on."""
    app = PolicyMiddleware(echo, policies=[guest("configure: tick_period 10")])
    await get(app)
    while said.lines(5).count("tick 1") < 2:
        await asyncio.sleep(0.001)


async def test_a_middleware_that_is_dropped_stops_ticking() -> None:
    """Nothing holds its driver."""
    app = PolicyMiddleware(echo, policies=[guest("configure: tick_period 10")])
    await get(app)
    driver = weakref.ref(app.drivers.current())
    del app
    gc.collect()
    assert driver() is None
