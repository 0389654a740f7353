"""examples/custom_policy_go and examples/custom_policy_assemblyscript: one policy, two languages.

Fields, bodies, a callout and a metric of guests that no Rust SDK has made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.middleware.asgi_server import get
from tests.modules.higress import Model
from wasmgate import Capabilities, Limits, Policy, PolicyLoadError, PolicyMiddleware
from wasmgate.testing import PolicyHost

if TYPE_CHECKING:
    from pathlib import Path

    from tests.middleware.asgi_server import Connection
    from tests.modules.conftest import Guests

KNOWN = [(b"x-api-key", b"known"), (b"x-plan", b"forged")]

# The first build downloads and compiles.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["go", "assemblyscript"])
def module(request: pytest.FixtureRequest, guests: Guests) -> Path:
    """Build the policy in one language, then in the other."""
    return guests(request.param) / "plan_lookup.wasm"


def policy(module: Path, cluster: str = "plans", *, net: tuple[str, ...] = ("plans",)) -> Policy:
    """Configure it as its README says."""
    return Policy(
        module,
        configuration=cluster,
        limits=Limits(memory=64 * 1024**2, fuel=50_000_000),
        capabilities=Capabilities(net=net, metrics=("plan_lookups",)),
    )


async def plans(peer: Peer) -> None:
    """Script: know one key."""
    while True:
        request = await peer.request()
        known = request.values(b"x-api-key") == [b"known"]
        await peer.answer(b"gold\n" if known else b"who?", status=200 if known else 404)


async def asked(module: Path, model: Model, fields: list[tuple[bytes, bytes]]) -> Connection:
    """Send a request through the policy, beside the service that it asks."""
    async with ScriptedUpstream(plans) as service:
        clusters = {"plans": service.url}
        wrapped = PolicyMiddleware(model, policies=[policy(module)], clusters=clusters)
        return await get(wrapped, "/", fields)


async def test_a_known_key_goes_on_with_its_plan(module: Path) -> None:
    """Not with the one that the client claims."""
    model = Model(b"fine")
    answer = await asked(module, model, KNOWN)
    assert (answer.status, answer.body, model.seen[0][1]["x-plan"]) == (200, b"fine", "gold")


async def test_an_unknown_key_is_refused(module: Path) -> None:
    """By the service's answer."""
    model = Model(b"fine")
    answer = await asked(module, model, [(b"x-api-key", b"stranger")])
    assert (answer.status, answer.body, model.seen) == (403, b"no such key\n", [])


async def test_no_key_is_refused_without_asking(module: Path) -> None:
    """By a local response."""
    nobody = {"plans": "http://127.0.0.1:9"}
    wrapped = PolicyMiddleware(Model(), policies=[policy(module)], clusters=nobody)
    answer = await get(wrapped)
    assert (answer.status, answer.body) == (401, b"a key is needed\n")


async def test_a_service_that_is_gone(module: Path) -> None:
    """The callout fails: zero headers."""
    async with ScriptedUpstream() as service:
        url = service.url
    wrapped = PolicyMiddleware(Model(), policies=[policy(module)], clusters={"plans": url})
    answer = await get(wrapped, "/", KNOWN)
    assert (answer.status, answer.body) == (503, b"keys cannot be looked up\n")


async def test_a_cluster_that_it_may_not_call(module: Path) -> None:
    """It is told so at once."""
    wrapped = PolicyMiddleware(Model(), policies=[policy(module, net=())])
    assert (await get(wrapped, "/", KNOWN)).status == 503
    assert [denial[1:] for denial in wrapped.host.denials()] == [("net", "plans", 1)]


async def test_card_numbers_are_hidden_in_answers(module: Path) -> None:
    """Also one that lies across two parts; shorter numbers stay."""
    model = Model(b"paid with 41111111", b"11111111 on 2026-11-22, order 123456789012")
    answer = await asked(module, model, KNOWN)
    assert answer.body == b"paid with ************1111 on 2026-11-22, order 123456789012"


async def test_lookups_are_counted(module: Path) -> None:
    """In a metric of the policy's own."""
    async with ScriptedUpstream(plans) as service:
        clusters = {"plans": service.url}
        wrapped = PolicyMiddleware(Model(b""), policies=[policy(module)], clusters=clusters)
        for _ in range(3):
            await get(wrapped, "/", KNOWN)
    metrics = {name: value for name, _, value in wrapped.host.metrics()}
    assert metrics == {"plan_lookups": 3}


def test_without_a_cluster_it_does_not_start(module: Path) -> None:
    """Its configuration is refused."""
    with pytest.raises(PolicyLoadError, match="refused"):
        PolicyMiddleware(Model(), policies=[policy(module, "", net=())])


def test_where_time_stands_still(module: Path) -> None:
    """As its author tests it: without a server."""
    host = PolicyHost()
    exchange = host.start(policy(module)).request(headers={"x-api-key": "known"})
    host.answer(host.callouts[0], body=b"gold\n")
    assert exchange.request is not None
    assert exchange.request.headers.get("x-plan") == "gold"


def test_its_trace(module: Path, tmp_path: Path) -> None:
    """With the limits that policies have by default."""
    (tmp_path / "service").write_text("plans")
    command = [sys.executable, "-m", "wasmgate", "trace", str(module), "--json"]
    options = ["--configuration", "service", "-H", "x-api-key: known", "--answer", "plans=200:gold"]
    allowed = ["--capability", "net=plans", "--capability", "metrics=plan_lookups"]
    done = subprocess.run(
        [*command, *options, *allowed], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert ["x-plan", "gold"] in facts["upstream"]["headers"]
    assert facts["capabilities"] == {"plan_lookup": {"metrics": ["plan_lookups"], "net": ["plans"]}}
