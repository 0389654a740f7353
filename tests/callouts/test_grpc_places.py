"""Policies that call gRPC services, in every place where policies run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.callouts.grpc_service import serving
from tests.callouts.places import REQUEST, Setting, place, told
from tests.gateway.serving import Client, ask
from tests.native.callout_guests import Texts, caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmgate.callouts.targets import Target

pytestmark = pytest.mark.parametrize("name", ["middleware", "gateway", "direct", "run"])


def setting(folder: Path, where: Target, texts: Texts, body: str) -> Setting:
    """Write a policy that does `body` with a request's head and waits for the end of the call."""
    module = folder / "guest.wasm"
    until = None if "$grpc" in body else "proxy_on_grpc_close"
    module.write_bytes(caller(texts, REQUEST, body, until=until))
    return Setting(module=module, clusters={"auth": where.endpoint}, net=("auth",))


async def test_a_call(name: str, tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """The request waits for the message that answers."""
    texts = Texts()
    async with serving() as (service, where):
        asks = setting(tmp_path, where, texts, texts.grpc_call())
        async with place(name, asks, tmp_path) as port:
            assert (await ask(port)).status == 200
        assert ("x-a", "1") in service.metadata
    text = told(name, tmp_path, said)
    assert "grpc_receive 7" in text
    assert "buffer 5 0 egassem" in text


def echoing(texts: Texts) -> str:
    """Open a stream, send two messages and no more."""
    sends = "".join(
        f"(drop (call $send (global.get $call) {texts.push(message)} (i32.const {end})))"
        for message, end in ((b"one", 0), (b"two", 1))
    )
    return texts.grpc_stream(method=b"Echo") + sends


async def test_a_stream(name: str, tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """Metadata, messages, trailers and the end, in this order; then the request goes on."""
    texts = Texts()
    async with serving() as (_, where):
        asks = setting(tmp_path, where, texts, echoing(texts))
        async with place(name, asks, tmp_path) as port:
            assert (await ask(port)).status == 200
    text = told(name, tmp_path, said)
    parts = ("map 4 0 1", "buffer 5 0 ONE", "buffer 5 0 TWO", "map 5 0 2", "grpc_close 0")
    positions = [text.find(part) for part in parts]
    assert -1 not in positions
    assert positions == sorted(positions)


async def test_a_client_that_leaves_cancels_a_stream(name: str, tmp_path: Path) -> None:
    """The server sees it."""
    texts = Texts()
    async with serving() as (service, where):
        asks = setting(tmp_path, where, texts, texts.grpc_stream(method=b"Silent"))
        async with place(name, asks, tmp_path) as port:
            async with Client(port) as client:
                await client.send(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n")
                await service.opened.wait()
            await service.cancelled.wait()
