"""gRPC for policies, on grpcio: messages pass as bytes and are not decoded."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wasmgate import trust
from wasmgate.callouts.address_policy import resolve
from wasmgate.callouts.failure import CalloutFailed, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits
    from wasmgate.callouts.targets import Target

__all__ = ["GrpcCalls", "GrpcStream"]

Metadata: TypeAlias = "list[tuple[bytes, bytes]]"

_CHANNELS = 64
_TOO_MUCH = (int(Status.RESOURCE_EXHAUSTED), "the policy sends faster than the server reads")
# gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md): Path, and Header-Name of Custom-Metadata.
_NAME = re.compile(r"[A-Za-z0-9_.]+(?:/[A-Za-z0-9_.]+)*")
_KEY = re.compile(rb"[0-9a-z_.-]+")


class GrpcCalls:
    """Unary calls and streams on one event loop, over one channel for each upstream."""

    def __init__(self, limits: CalloutLimits) -> None:
        self._limits = limits
        self._channels: OrderedDict[Target, Any] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    async def call(self, callout: Callout, target: Target) -> bytes:
        """Make a unary call and return the response. Raises CalloutFailed, AddressRefused."""
        channel = await self.channel(target)
        method = channel.unary_unary(_path(callout))
        try:
            answer: bytes = await method(callout.body, metadata=_metadata(callout.headers))
        except _grpc().aio.AioRpcError as error:
            code = error.code().value[0]
            if code == Status.UNAVAILABLE:
                self._forget(target)  # the name may resolve to other addresses by now
            raise CalloutFailed(error.details() or "", code) from error
        return answer

    async def channel(self, target: Target) -> Any:  # noqa: ANN401 (grpcio's)
        """Return the channel to a target. Raises CalloutFailed, AddressRefused."""
        grpc = _grpc()
        channel = self._channels.get(target)
        if channel is None:
            made = await self._connect(grpc, target)
            channel = self._channels.setdefault(target, made)
            if len(self._channels) > _CHANNELS:
                self._forget(next(iter(self._channels)))
        self._channels.move_to_end(target)
        return channel

    async def _connect(self, grpc: Any, target: Target) -> Any:  # noqa: ANN401 (grpcio's)
        authority = f"{target.host}:{target.port}"
        where = f"dns:///{authority}"
        options: list[tuple[str, str | int]] = []
        if target.checked:
            addresses = await _addresses(target)
            where = addresses[0]
            options = [("grpc.default_authority", authority)]
        options += [
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", self._limits.response),
            ("grpc.max_send_message_length", self._limits.request),
            ("grpc.enable_retries", 0),
        ]
        if not target.secure:
            return grpc.aio.insecure_channel(where, options)
        options.append(("grpc.ssl_target_name_override", target.host))
        credentials = grpc.ssl_channel_credentials(await asyncio.to_thread(_trusted))
        return grpc.aio.secure_channel(where, credentials, options)

    def _forget(self, target: Target) -> None:
        channel = self._channels.pop(target, None)
        if channel is not None:
            # Calls in flight on the channel may end.
            task = asyncio.ensure_future(channel.close(grace=self._limits.time))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def close(self) -> None:
        """Close the channels."""
        for target in list(self._channels):
            self._forget(target)


class GrpcStream:
    """One bidirectional stream; messages to the server are queued up to `CalloutLimits.request`."""

    def __init__(self, limits: CalloutLimits) -> None:
        self._limits = limits
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queued = 0
        self._ended = False
        self._overflowed = False
        self._call: Any = None  # once there is a channel

    def send(self, message: bytes, *, end: bool) -> None:
        """Queue a message; `end`: it is the last one. A full queue ends the stream."""
        if self._ended:
            return
        self._queued += len(message)
        if self._queued > self._limits.request:
            self._ended = self._overflowed = True
            if self._call is not None:
                self._call.cancel()
            return
        self._queue.put_nowait(message)
        if end:
            self.half_close()

    def half_close(self) -> None:
        """Half-close the stream: the client sends no more, the server may."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    async def _messages(self) -> AsyncIterator[bytes]:
        while (message := await self._queue.get()) is not None:
            self._queued -= len(message)
            yield message

    async def run(
        self,
        channel: Any,  # noqa: ANN401 (grpcio's)
        callout: Callout,
        *,
        metadata: Callable[[Metadata], None],
        message: Callable[[bytes], None],
        trailers: Callable[[Metadata], None],
    ) -> tuple[int, str]:
        """Deliver what the server sends until the stream ends; return status code and message.

        `metadata` gets the initial metadata, `message` each message, and `trailers` the trailing
        metadata.
        """
        if self._overflowed:
            return _TOO_MUCH
        method = channel.stream_stream(_path(callout))
        call = self._call = method(self._messages(), metadata=_metadata(callout.headers))
        try:
            metadata(_fields(await call.initial_metadata()))
            while (received := await call.read()) is not _grpc().aio.EOF:
                message(received)
        except _grpc().aio.AioRpcError:
            pass  # the status is read below
        except asyncio.CancelledError:
            if not self._overflowed:
                raise
        finally:
            call.cancel()  # does nothing to a stream that has ended
        if self._overflowed:
            return _TOO_MUCH
        code, details = await call.code(), await call.details()
        trailers(_fields(await call.trailing_metadata()))
        return code.value[0], details or ""


def _grpc() -> Any:  # noqa: ANN401 (grpcio carries no types)
    try:
        import grpc  # noqa: PLC0415 (an optional package)
        import grpc.aio  # noqa: PLC0415
    except ImportError:
        raise CalloutFailed(
            "the package grpcio is missing: pip install 'wasmgate[grpc]'", Status.UNIMPLEMENTED
        ) from None
    return grpc


def _trusted() -> bytes | None:
    """Return the certificate authorities of the system in PEM; None: those of grpcio are used.

    Raises CalloutFailed if the named certificates cannot be read.
    """
    if (wrong := trust.problem()) is not None:
        raise CalloutFailed(wrong)
    file = ssl.get_default_verify_paths().cafile
    return Path(file).read_bytes() if file else None


async def _addresses(target: Target) -> list[str]:
    try:
        found = await resolve(target.host, target.port)
    except OSError as error:
        raise CalloutFailed(f"{target.host} has no address: {error}") from error
    kinds = [(("ipv6:[%s]:%d" if ":" in each else "ipv4:%s:%d"), each) for each in found]
    return [form % (address.replace("%", "%25"), target.port) for form, address in kinds]


def _path(callout: Callout) -> str:
    if not (_NAME.fullmatch(callout.service) and _NAME.fullmatch(callout.method)):
        raise CalloutFailed(
            f"{callout.service!r} and {callout.method!r} name no method", Status.INVALID_ARGUMENT
        )
    return f"/{callout.service}/{callout.method}"


def _metadata(fields: Metadata) -> tuple[tuple[str, str | bytes], ...]:
    sent: list[tuple[str, str | bytes]] = []
    for name, value in fields:
        key = name.lower()
        if key.startswith(b":") or key in {b"te", b"content-type", b"user-agent"}:
            continue  # written by the transport
        if not _KEY.fullmatch(key) or key.startswith(b"grpc-"):
            raise CalloutFailed(f"{name!r} is not a metadata key", Status.INVALID_ARGUMENT)
        text = key.decode("ascii")
        if text.endswith("-bin"):
            sent.append((text, value))
        elif value.isascii() and value.decode("ascii").isprintable():
            sent.append((text, value.decode("ascii")))
        else:
            raise CalloutFailed(f"the value of {text} is not ASCII", Status.INVALID_ARGUMENT)
    return tuple(sent)


def _fields(metadata: Any) -> Metadata:  # noqa: ANN401 (grpcio's)
    return [
        (key.encode("ascii"), value if isinstance(value, bytes) else value.encode("utf-8"))
        for key, value in metadata or ()
    ]
