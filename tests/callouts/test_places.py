"""A policy that calls out and waits, in every place where policies run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import (
    PLACES,
    REQUEST,
    RESPONSE,
    Setting,
    asking,
    place,
    told,
    welcomes,
)
from tests.callouts.servers import free_port
from tests.gateway.scripted_upstream import ScriptedUpstream, silent
from tests.gateway.serving import Client, ask
from tests.native.callout_guests import Texts, caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.parametrize("name", PLACES)


@pytest.mark.parametrize("phase", [REQUEST, RESPONSE])
async def test_a_request_waits_for_a_callout(
    name: str, phase: str, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The service is asked before the request goes on; the policy gets its whole answer."""
    async with ScriptedUpstream(welcomes) as auth:
        module = asking(tmp_path, "auth", phase)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
            (request,) = auth.requests
    assert (request.line, request.values(b"host")) == (b"GET /check HTTP/1.1", [b"auth"])
    for line in ("http_call_response 3 7 0", "map 6 0 ada", "buffer 4 0 welcome", "code 200"):
        assert line in told(name, tmp_path, said)


async def test_an_address_needs_no_cluster(
    name: str, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """When `net` has it."""
    async with ScriptedUpstream(welcomes) as auth:
        address = f"127.0.0.1:{auth.port}"
        setting = Setting(module=asking(tmp_path, address), clusters={}, net=(address,))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
    assert "buffer 4 0 welcome" in told(name, tmp_path, said)


async def test_nobody_answers(name: str, tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """The policy gets zero headers and why, and decides; a log line has the upstream."""
    async with ScriptedUpstream() as auth:
        pass
    setting = Setting(module=asking(tmp_path, "auth"), clusters={"auth": auth.url}, net=("auth",))
    async with place(name, setting, tmp_path) as port:
        assert (await ask(port)).status == 200
    text = told(name, tmp_path, said)
    assert "http_call_response 0 0 0" in text
    assert f"HTTP call to auth failed: cannot connect to {auth.url}" in text


async def test_no_answer_in_time(name: str, tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """The same, after as long as the policy said."""
    async with ScriptedUpstream(silent) as auth:
        module = asking(tmp_path, "auth", timeout=100)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
        await auth.until(lambda: auth.open == 0)
    assert "HTTP call to auth failed: no answer in 0.1 s" in told(name, tmp_path, said)


async def test_a_client_that_leaves_ends_the_callout(name: str, tmp_path: Path) -> None:
    """Its connection to the service is closed."""
    async with ScriptedUpstream(silent) as auth:
        module = asking(tmp_path, "auth", timeout=60_000)
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            async with Client(port) as client:
                await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
                await auth.until(lambda: len(auth.requests) == 1)
            await auth.until(lambda: auth.open == 0)


def hitting(folder: Path, storage: str = "memory://") -> Setting:
    """Write a policy that counts a hit of each request."""
    texts = Texts()
    names = texts.push(b"wasmgate.limits.hit"), texts.push(b'{"key": "ada", "limit": "5/minute"}')
    call = texts.done(f"(call $foreign {' '.join(names)} (i32.const 0) (i32.const 0))")
    module = folder / "guest.wasm"
    module.write_bytes(caller(texts, REQUEST, call))
    functions = ("wasmgate.limits.hit",)
    return Setting(module=module, clusters={}, functions=functions, storage=storage)


async def test_shared_limits(name: str, tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """`wasmgate.limits.hit` answers as a foreign function."""
    async with place(name, hitting(tmp_path), tmp_path) as port:
        assert [(await ask(port)).status for _ in range(2)] == [200, 200]
    text = told(name, tmp_path, said)
    assert '{"allowed": true, "remaining": 4, "reset": ' in text
    assert '{"allowed": true, "remaining": 3, "reset": ' in text


async def test_shared_limits_that_nobody_keeps(
    name: str, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The policy gets an empty result, and the log says why, without the password."""
    pytest.importorskip("redis", reason="the package redis is not installed")
    setting = hitting(tmp_path, f"redis+cluster://:opensesame@127.0.0.1:{free_port()}")
    async with place(name, setting, tmp_path) as port:
        assert (await ask(port)).status == 200
    text = told(name, tmp_path, said)
    assert "foreign function wasmgate.limits.hit failed: the storage of limits does not" in text
    assert "sesame" not in text
