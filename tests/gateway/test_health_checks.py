"""Endpoints that do not answer their checks get no requests until they do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import ask, both_forms, serve
from wasmgate import Gateway, GatewayConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.scripted_upstream import Peer

pytestmark = both_forms

QUICK = {"interval": "20ms", "timeout": "500ms"}


class Site:
    """An endpoint whose answer to checks can be set."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.status = 200
        self.checks: list[bytes] = []
        self.upstream = ScriptedUpstream(self._script)

    async def _script(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"wasmgate-health-check" in request.head:
                self.checks.append(request.head)
                await peer.answer(b"", status=self.status)
            else:
                await peer.answer(self.name)


@contextlib.asynccontextmanager
async def sites() -> AsyncIterator[tuple[Site, Site]]:
    """Run two endpoints."""
    a, b = Site(b"a"), Site(b"b")
    async with a.upstream, b.upstream:
        yield a, b


def described(*sites: Site, **check: Any) -> dict[str, Any]:  # noqa: ANN401 (of the check)
    """Balance over endpoints that are checked."""
    cluster = {"endpoints": [site.upstream.url for site in sites], "health_check": QUICK | check}
    routes = [{"match": {"prefix": "/"}, "cluster": "site"}]
    return {"clusters": {"site": cluster}, "routes": routes}


def gateway(*sites: Site, **check: Any) -> Gateway:  # noqa: ANN401 (of the check)
    """Make a gateway of that."""
    return Gateway(GatewayConfig.model_validate(described(*sites, **check)))


async def answers(port: int, wanted: set[str]) -> None:
    """Wait until requests are answered by these endpoints, or with these statuses."""
    async with asyncio.timeout(10):
        while True:
            replies = [await ask(port) for _ in range(6)]
            got = {its.body.decode() if its.status == 200 else str(its.status) for its in replies}
            if got == wanted:
                return
            await asyncio.sleep(0.02)


async def test_an_endpoint_that_fails_its_checks_is_excluded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And included again, with a line for each change."""
    caplog.set_level("INFO", "wasmgate.gateway")
    async with sites() as (a, b):
        one = gateway(a, b, path="/health", headers={"x-a": "1"}, host="site.test")
        async with serve(one) as port:
            await answers(port, {"a", "b"})
            b.status = 503
            await answers(port, {"a"})
            b.status = 200
            await answers(port, {"a", "b"})
    head = a.checks[0].lower()
    assert head.startswith(b"get /health http/1.1\r\nhost: site.test\r\n")
    assert b"\r\nx-a: 1\r\n" in head
    changes = [line for line in caplog.messages if line.startswith("cluster site: ")]
    assert changes == [
        f"cluster site: {b.upstream.url} is unhealthy: GET /health was answered 503",
        f"cluster site: {b.upstream.url} is healthy again",
    ]


async def test_when_too_few_are_left_all_are_used() -> None:
    """Below the panic threshold; without one there is no endpoint."""
    async with sites() as (a, b):
        a.status = b.status = 500
        async with serve(gateway(a, b)) as port:
            await b.upstream.until(lambda: len(b.checks) > 3)
            await answers(port, {"a", "b"})
        config = described(a, b)
        config["clusters"]["site"]["panic_threshold"] = "0%"
        async with serve(Gateway(GatewayConfig.model_validate(config))) as port:
            await answers(port, {"503"})


@pytest.mark.parametrize(
    ("check", "status", "healthy"),
    [
        ({"statuses": "200-299"}, 204, True),
        ({"statuses": [200, "401-403"]}, 403, True),
        ({"statuses": [200, "401-403"]}, 404, False),
        ({"method": "HEAD"}, 200, True),
        ({"tcp": True}, 500, True),
    ],
)
async def test_what_a_healthy_endpoint_answers(
    check: dict[str, Any], status: int, *, healthy: bool
) -> None:
    """A status, a range, a list; a connection alone."""
    async with sites() as (a, b):
        b.status = status
        async with serve(gateway(a, b, **check)) as port:
            await answers(port, {"a", "b"} if healthy else {"a"})


async def test_an_endpoint_to_which_nobody_listens() -> None:
    """A check by TCP notices it, too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = "http://{}:{}".format(*listener.getsockname())
    async with sites() as (a, _):
        for check in ({}, {"tcp": True}):
            config = described(a, **check)
            config["clusters"]["site"]["endpoints"] = [a.upstream.url, gone]
            async with serve(Gateway(GatewayConfig.model_validate(config))) as port:
                await answers(port, {"a"})


async def test_a_reload_keeps_what_is_known() -> None:
    """An endpoint that is excluded is not tried again by requests."""
    async with sites() as (a, b):
        b.status = 503
        one = gateway(a, b)
        async with serve(one) as port:
            await answers(port, {"a"})
            before = len(b.upstream.requests) - len(b.checks)
            changed = described(a, b, healthy_threshold=1)
            await one.reload(GatewayConfig.model_validate(changed))
            for _ in range(20):
                assert (await ask(port)).body == b"a"
            assert len(b.upstream.requests) - len(b.checks) == before
            b.status = 200
            await answers(port, {"a", "b"})
            seen = len(a.checks)
            await a.upstream.until(lambda: len(a.checks) > seen + 2)


async def test_checks_end_with_the_configuration() -> None:
    """A cluster that is not checked any more gets no checks."""
    async with sites() as (a, b):
        one = gateway(a, b)
        async with serve(one) as port:
            await a.upstream.until(lambda: len(a.checks) > 2)
            config = described(a, b)
            del config["clusters"]["site"]["health_check"]
            await one.reload(GatewayConfig.model_validate(config))
            await asyncio.sleep(0.1)
            seen = len(a.checks)
            await asyncio.sleep(0.3)
            assert len(a.checks) == seen
            await answers(port, {"a", "b"})
