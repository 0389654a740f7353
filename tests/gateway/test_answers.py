"""Policies that answer, twice too, and policies that pause: the client always hears in time.

All pairs of phases, alone and two in a chain, in both forms of the gateway.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wasmtime

from tests.gateway.acting import (
    ANSWERS,
    CUT,
    PAUSES,
    REQUEST_TRAILERS,
    TIMEOUT,
    acts,
    chains,
    expected,
)
from tests.gateway.scripted_upstream import Peer, ScriptedUpstream, sends
from tests.gateway.serving import Client, both_forms, serve
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = both_forms

GUEST = Path(__file__).parents[1] / "guests" / "acts_by_configuration.wat"
ROUTE_TIMEOUT = "4s"  # of all at once, so that a slow machine gets to each of them
LATEST = 60.0  # seconds
ANSWER = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nccc\n\r\n4\r\nddd\n\r\n"
    b"0\r\nx-sum: 2\r\n\r\n"
)
WHOLE = b"content-length: 8\r\n\r\naaa\nbbb\n"
CHUNKS = b"transfer-encoding: chunked\r\n\r\n4\r\naaa\n\r\n4\r\nbbb\n\r\n0\r\nx-sum: 2\r\n\r\n"


def host_of(chain: Sequence[str]) -> str:
    """Name the host whose route has these policies."""
    return "c" + "x".join(policy.replace(".", "-") for policy in chain) + ".test"


def configuration(
    module: Path, every: Sequence[Sequence[str]], site: str, plans: str, **route: object
) -> GatewayConfig:
    """Make a route for each chain, and a policy for each of its members."""
    members = {
        f"{host_of(chain)}.{place}": policy for chain in every for place, policy in enumerate(chain)
    }
    policies = {
        name: {
            "module": str(module),
            "configuration": policy,
            "capabilities": {"net": ["plans"]},
        }
        for name, policy in members.items()
    }
    routes = [
        {
            "match": {"host": host_of(chain)},
            "cluster": "site",
            "policies": [f"{host_of(chain)}.{place}" for place in range(len(chain))],
            **route,
        }
        for chain in every
    ]
    clusters = {"site": {"endpoints": [site]}, "plans": {"endpoints": [plans]}}
    settings = {"policies": policies, "clusters": clusters, "routes": routes}
    return GatewayConfig.model_validate(settings)


async def outcome(port: int, chain: Sequence[str], *, trailers: bool) -> str:
    """Return the status of the whole answer that a client gets, or that it was cut."""
    request = b"POST /echo HTTP/1.1\r\nhost: %b\r\n" % host_of(chain).encode()
    async with asyncio.timeout(LATEST), Client(port) as client:
        await client.send(request + (CHUNKS if trailers else WHOLE))
        try:
            return str((await client.reply()).status)
        except (ConnectionError, asyncio.IncompleteReadError):
            return CUT


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """Compile the guest that acts by its configuration."""
    path = tmp_path / "acts.wasm"
    path.write_bytes(wasmtime.wat2wasm(GUEST.read_text("utf-8")))
    return path


async def told(
    module: Path, every: Sequence[Sequence[str]], *, trailers: bool, **route: object
) -> Mapping[str, str]:
    """Ask the routes of all chains at once; gives what each client got."""
    site, plans = ScriptedUpstream(sends(ANSWER)), ScriptedUpstream(answers_whole)
    async with site, plans:
        config = configuration(module, every, site.url, plans.url, **route)
        async with serve(Gateway(config)) as port:
            asked = (outcome(port, chain, trailers=trailers) for chain in every)
            outcomes = await asyncio.gather(*asked)
    return dict(zip(map(host_of, every), outcomes, strict=True))


async def answers_whole(peer: Peer) -> None:
    """Script: answer each request of a policy."""
    while True:
        await peer.request()
        await peer.answer(b"gold")


@pytest.mark.timeout(300)
@pytest.mark.asyncio
async def test_all_pairs_of_phases(module: Path, form: str) -> None:
    """The later answer counts, and nothing is held longer than the route allows.

    A client's trailers are a message of their own without ASGI alone.
    """
    trailers = form != "asgi"
    every = [
        chain
        for chain in chains()
        if trailers or all(policy[REQUEST_TRAILERS] == "." for policy in chain)
    ]
    rule = {host_of(chain): expected(chain, request_trailers=trailers) for chain in every}
    outcomes = await told(module, every, trailers=trailers, timeout=ROUTE_TIMEOUT)
    # ASGI has no way to cut a connection before the response began: its server answers 500.
    cut = {CUT, "500"} if form == "asgi" else {CUT}
    assert {
        host: CUT if rule[host] == CUT and status in cut else status
        for host, status in outcomes.items()
    } == rule


@pytest.mark.parametrize(
    ("chain", "status"),
    [
        ([acts(1, p0=ANSWERS, p3=ANSWERS)], "413"),
        ([acts(1, p0=ANSWERS, p3=PAUSES)], TIMEOUT),
        ([acts(1, p3=PAUSES), acts(2, p0=ANSWERS)], TIMEOUT),
        ([acts(1, p0=ANSWERS, p4=PAUSES)], CUT),
        ([acts(1, p0=PAUSES, p3=PAUSES)], TIMEOUT),
        ([acts(1, p3=ANSWERS), acts(2, p3=ANSWERS)], "413"),
    ],
    ids=lambda value: value if isinstance(value, str) else host_of(value),
)
@pytest.mark.asyncio
async def test_what_was_found_by_others(module: Path, chain: Sequence[str], status: str) -> None:
    """Cases that once kept their client waiting for ever."""
    outcomes = await told(module, [chain], trailers=False, timeout="1s")
    assert list(outcomes.values()) == [status]
