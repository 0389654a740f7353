"""The examples in crates.io's proxy-wasm 0.1.4 (ABI 0.1.0) and 0.2.0 (ABI 0.2.1), as published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.middleware.apps import echo
from tests.middleware.asgi_server import get
from wasmgate import Capabilities, Policy, PolicyMiddleware
from wasmgate._native import Chain, Host
from wasmgate.policy.artifacts import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.modules.conftest import Guests
    from wasmgate._asgi import ASGIApp, Receive, Scope, Send

NOON = 1_795_348_800 * 10**9  # 2026-11-22 12:00:00
INFO = 2
VERSIONS = {"sdk-0.1.4": "0.1.0", "sdk-0.2.0": "0.2.1"}

# The first build compiles Rust's standard library where rustup's target is not installed.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=VERSIONS)
def examples(request: pytest.FixtureRequest, guests: Guests) -> Path:
    """Return the folder of one version's modules."""
    return guests(request.param)


def answering(body: bytes) -> ASGIApp:
    """Make an app that answers with a body in two parts."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body[:9], "more_body": True})
        await send({"type": "http.response.body", "body": body[9:]})

    return app


def test_each_speaks_the_dialect_of_its_time(guests: Guests) -> None:
    """The older SDK's modules are 0.1.0."""
    paths = {name: guests(name) / "http_headers.wasm" for name in VERSIONS}
    made = {name: PolicyMiddleware(echo, policies=[Policy(path)]) for name, path in paths.items()}
    assert {name: one.plugins[0].abi for name, one in made.items()} == VERSIONS


def test_hello_world_ticks(examples: Path) -> None:
    """It greets at its start; every five seconds it tells the time and a random number."""
    host = Host(cache=str(cache_folder()), clock=NOON, seed=7)
    chain = Chain([Policy(examples / "hello_world.wasm").load(host)])
    _, opened, _ = chain.open(None, None, "http", "1.1", "GET", b"/", [])
    assert opened is not None
    assert ("hello_world", INFO, "Hello, World!") in opened.logs
    told = []
    for _ in range(2):
        host.advance(5)
        told += [line for _, _, line in chain.tick()[1].logs]
    pattern = r"It's 2026-11-22 12:00:(05|10)(\.\d+)? UTC, your lucky number is (\d{1,3})\."
    found = [re.fullmatch(pattern, line) for line in told]
    assert [match and match[1] for match in found] == ["05", "10"]
    assert len({match[3] for match in found if match}) == 2


async def test_http_headers_answers_hello(examples: Path, said: Callable[[], list[str]]) -> None:
    """The app is not asked; the answer passes the policy's own response callback."""
    wrapped = PolicyMiddleware(echo, policies=[Policy(examples / "http_headers.wasm")])
    answer = await get(wrapped, "/hello")
    fields = dict(answer.start["headers"])
    assert (answer.status, answer.body) == (200, b"Hello, World!\n")
    assert (fields[b"hello"], fields[b"powered-by"]) == (b"World", b"proxy-wasm")
    lines = [line.split(" ", 1)[1] for line in said() if line.startswith("#")]
    assert "-> :path: /hello" in lines
    assert "<- :status: 200" in lines
    assert lines[-1] == "completed."


async def test_http_headers_lets_others_pass(examples: Path, said: Callable[[], list[str]]) -> None:
    """And logs the fields of the request and of the answer."""
    wrapped = PolicyMiddleware(echo, policies=[Policy(examples / "http_headers.wasm")])
    answer = await get(wrapped, "/other", [(b"host", b"api.example"), (b"x-client", b"yes")])
    lines = [line.split(" ", 1)[1] for line in said() if line.startswith("#")]
    assert answer.status == 200
    assert {"-> :authority: api.example", "-> x-client: yes", "<- server: echo"} <= set(lines)
    assert lines[-1] == "completed."


async def test_http_body_hides_a_secret(examples: Path) -> None:
    """It pauses until the body is whole: the word lies across its two parts."""
    wrapped = PolicyMiddleware(
        answering(b"this is secret text"), policies=[Policy(examples / "http_body.wasm")]
    )
    answer = await get(wrapped)
    assert answer.body == b"Original message body (19 bytes) redacted."
    assert b"content-length" not in dict(answer.start["headers"])


async def test_http_body_leaves_the_rest(examples: Path) -> None:
    """Without the word the body comes as it was."""
    wrapped = PolicyMiddleware(
        answering(b"nothing to hide here"), policies=[Policy(examples / "http_body.wasm")]
    )
    assert (await get(wrapped)).body == b"nothing to hide here"


async def test_http_config_adds_its_configuration(examples: Path) -> None:
    """As the value of a header."""
    policy = Policy(examples / "http_config.wasm", configuration="told by the operator")
    answer = await get(PolicyMiddleware(echo, policies=[policy]))
    assert (b"custom-header", b"told by the operator") in answer.start["headers"]


async def random_byte(peer: Peer, byte: bytes) -> None:
    """Script: httpbin's `/bytes/1`, less at random."""
    while True:
        await peer.request()
        await peer.answer(byte)


@pytest.mark.parametrize(
    ("byte", "status", "line"),
    [(b"\x02", 200, "Access granted."), (b"\x03", 403, "Access forbidden.")],
)
async def test_http_auth_random_asks_httpbin(
    examples: Path, byte: bytes, status: int, line: str, said: Callable[[], list[str]]
) -> None:
    """An even byte lets the request go on, an odd one is answered 403; both are signed."""
    module = examples / "http_auth_random.wasm"
    policies = [Policy(module, capabilities=Capabilities(net=("httpbin",)))]
    async with ScriptedUpstream(lambda peer: random_byte(peer, byte)) as httpbin:
        wrapped = PolicyMiddleware(echo, policies=policies, clusters={"httpbin": httpbin.url})
        answer = await get(wrapped)
    asked = httpbin.requests[0]
    assert (asked.line, asked.values(b"host")) == (b"GET /bytes/1 HTTP/1.1", [b"httpbin.org"])
    assert answer.status == status
    assert (b"powered-by", b"proxy-wasm") in answer.start["headers"]
    assert line in said()


async def test_http_auth_random_without_httpbin(examples: Path) -> None:
    """The callout fails: its answer is empty, and an empty one is no even byte."""
    async with ScriptedUpstream() as upstream:
        url = upstream.url
    module = examples / "http_auth_random.wasm"
    policies = [Policy(module, capabilities=Capabilities(net=("httpbin",)))]
    wrapped = PolicyMiddleware(echo, policies=policies, clusters={"httpbin": url})
    answer = await get(wrapped)
    assert (answer.status, answer.body) == (403, b"Access forbidden.\n")
