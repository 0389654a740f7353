"""A real gRPC server on this machine, whose messages are bytes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from wasmgate.callouts.targets import Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Service(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Methods of "a.Service" whose messages are bytes; it keeps the metadata that it saw."""

    def __init__(self) -> None:
        self.metadata: list[tuple[str, Any]] = []
        self.opened, self.cancelled = asyncio.Event(), asyncio.Event()

    def service(self, details: Any) -> Any:  # noqa: ANN401 (grpcio carries no types)
        """Find a method."""
        self.metadata = list(details.invocation_metadata)
        unary = {"/a.Service/Check": self.check, "/a.Service/Deny": self.deny}
        streams = {"/a.Service/Echo": self.echo, "/a.Service/Silent": self.silent}
        if details.method in unary:
            return grpc.unary_unary_rpc_method_handler(unary[details.method])
        if details.method in streams:
            return grpc.stream_stream_rpc_method_handler(streams[details.method])
        return None

    async def check(self, message: bytes, _: Any) -> bytes:  # noqa: ANN401
        """Answer with the message, upside down; "wait" waits."""
        if message == b"wait":
            await asyncio.Event().wait()
        return message[::-1]

    async def deny(self, _: bytes, context: Any) -> None:  # noqa: ANN401
        """Refuse."""
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")

    async def echo(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:  # noqa: ANN401
        """Send back what comes."""
        await context.send_initial_metadata((("x-m", "1"), ("x-m-bin", b"\xff")))
        async for message in messages:
            yield message.upper()
        context.set_trailing_metadata((("x-t", "2"),))

    async def silent(self, _: AsyncIterator[bytes], __: Any) -> AsyncIterator[bytes]:  # noqa: ANN401
        """Read nothing and say nothing."""
        self.opened.set()
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            self.cancelled.set()


@contextlib.asynccontextmanager
async def serving(certificate: bytes | None = None) -> AsyncIterator[tuple[Service, Target]]:
    """Serve on a free port of this machine; with key and certificate over TLS."""
    server, service = grpc.aio.server(), Service()
    server.add_generic_rpc_handlers((service,))
    if certificate is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        credentials = grpc.ssl_server_credentials([(certificate, certificate)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield service, Target("127.0.0.1", port, secure=certificate is not None, checked=True)
    finally:
        await server.stop(grace=None)
