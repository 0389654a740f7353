"""gRPC calls and streams against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.callouts.asked import asked
from tests.callouts.grpc_service import serving
from tests.native.callout_guests import Texts, caller
from wasmgate import Capabilities, Policy
from wasmgate._native import Host
from wasmgate.callouts.failure import CalloutFailed
from wasmgate.callouts.grpc import GrpcCalls, GrpcStream
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.targets import Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from wasmgate._native import Callout

OK, CANCELLED, DENIED, EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 0, 1, 7, 8, 12, 14


@contextlib.asynccontextmanager
async def calls(limits: CalloutLimits | None = None) -> AsyncIterator[GrpcCalls]:
    """Make calls within limits."""
    made = GrpcCalls(limits or CalloutLimits(time=1.0))
    yield made
    made.close()
    await asyncio.gather(*made._closing)


def call(method: str = "Check", body: bytes = b"abc", **rest: object) -> Callout:
    """Return a call."""
    return asked(kind="grpc", method=method, body=body, **rest)


async def test_a_call_is_answered_by_one_message() -> None:
    """Bytes there, bytes back; metadata with it."""
    async with serving() as (service, where), calls() as made:
        metadata = [(b":path", b"/x"), (b"X-A", b"1"), (b"x-b-bin", b"\xff")]
        assert await made.call(call(headers=metadata), where) == b"cba"
        assert {("x-a", "1"), ("x-b-bin", b"\xff")} <= {(k, v) for k, v in service.metadata}


async def test_a_refusal_keeps_status_and_words() -> None:
    """As the server gave them."""
    async with serving() as (_, where), calls() as made:
        with pytest.raises(CalloutFailed, match="not you") as failed:
            await made.call(call("Deny"), where)
        assert failed.value.status == DENIED


async def test_no_such_method() -> None:
    """Status 12 of the server's."""
    async with serving() as (_, where), calls() as made:
        with pytest.raises(CalloutFailed) as failed:
            await made.call(call("None"), where)
        assert failed.value.status == UNIMPLEMENTED


async def test_nobody_listens() -> None:
    """Status 14."""
    async with serving() as (_, where):
        pass
    async with calls() as made:
        with pytest.raises(CalloutFailed) as failed:
            await made.call(call(), where)
        assert failed.value.status == UNAVAILABLE


@pytest.mark.parametrize(
    "limits", [CalloutLimits(time=1.0, request=100), CalloutLimits(time=1.0, response=100)]
)
async def test_a_message_that_is_too_large(limits: CalloutLimits) -> None:
    """Status 8, in both directions."""
    async with serving() as (_, where), calls(limits) as made:
        with pytest.raises(CalloutFailed) as failed:
            await made.call(call(body=b"x" * 1000), where)
        assert failed.value.status == EXHAUSTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "a/../b c"},
        {"method": "Check\r\n"},
        {"headers": [(b"x a", b"1")]},
        {"headers": [(b"grpc-timeout", b"1")]},
        {"headers": [(b"x-a", b"\xff")]},
        {"headers": [(b"x-a", b"a\r\nb")]},
    ],
)
async def test_what_cannot_be_sent(wrong: dict[str, Any]) -> None:
    """Is a failure that says so."""
    async with serving() as (_, where), calls() as made:
        with pytest.raises(CalloutFailed):
            await made.call(asked(**({"kind": "grpc", "method": "Check"} | wrong)), where)


class Heard:
    """What a stream handed on."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, Any]] = []

    def note(self, kind: str) -> Callable[[Any], None]:
        """Return what notes one kind."""
        return lambda value: self.parts.append((kind, value))

    async def run(
        self, stream: GrpcStream, made: GrpcCalls, callout: Callout, where: Target
    ) -> tuple[int, str]:
        """Run a stream to its end."""
        kinds = {kind: self.note(kind) for kind in ("metadata", "message", "trailers")}
        return await stream.run(await made.channel(where), callout, **kinds)


async def test_a_stream_in_both_directions() -> None:
    """What is sent before it is open is not lost; metadata first, trailers last."""
    async with serving() as (_, where), calls() as made:
        stream, heard = GrpcStream(CalloutLimits()), Heard()
        stream.send(b"one", end=False)
        stream.send(b"two", end=True)
        assert await heard.run(stream, made, call("Echo"), where) == (OK, "")
    assert heard.parts == [
        ("metadata", [(b"x-m", b"1"), (b"x-m-bin", b"\xff")]),
        ("message", b"ONE"),
        ("message", b"TWO"),
        ("trailers", [(b"x-t", b"2")]),
    ]


async def test_a_stream_that_is_cancelled_ends_at_the_server() -> None:
    """As when its request is gone."""
    async with serving() as (service, where), calls() as made:
        stream = GrpcStream(CalloutLimits())
        task = asyncio.ensure_future(Heard().run(stream, made, call("Silent"), where))
        await service.opened.wait()
        task.cancel()
        await service.cancelled.wait()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_a_server_that_does_not_read() -> None:
    """More than the limit waits: status 8, and the stream ends."""
    async with serving() as (service, where), calls() as made:
        stream = GrpcStream(CalloutLimits(request=1000))
        task = asyncio.ensure_future(Heard().run(stream, made, call("Silent"), where))
        await service.opened.wait()
        for _ in range(3):
            stream.send(b"x" * 400, end=False)
        assert (await task)[0] == EXHAUSTED


async def test_a_server_that_goes() -> None:
    """Ends the stream with its status."""
    async with calls() as made, contextlib.AsyncExitStack() as stack:
        service, where = await stack.enter_async_context(serving())
        stream = GrpcStream(CalloutLimits())
        task = asyncio.ensure_future(Heard().run(stream, made, call("Silent"), where))
        await service.opened.wait()
        await stack.aclose()
        assert (await task)[0] in {CANCELLED, UNAVAILABLE}


async def test_grpcio_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 12, and what to install."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    async with calls() as made:
        with pytest.raises(CalloutFailed, match=r"pip install 'wasmgate\[grpc\]'") as failed:
            await made.call(call(), Target("127.0.0.1", 9, secure=False, checked=True))
        assert failed.value.status == UNIMPLEMENTED


def test_a_policy_is_loaded_without_grpcio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In silence: many modules import what they never call, and a call says what is missing."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    texts = Texts()
    module = tmp_path / "guest.wasm"
    module.write_bytes(caller(texts, "proxy_on_request_headers", texts.grpc_call()))
    Policy(module, capabilities=Capabilities(net=("auth",))).load(Host(cache=None, log_level=5))
    assert [each.getMessage() for each in caplog.records if "grpcio" in each.getMessage()] == []
