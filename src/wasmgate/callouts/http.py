"""HTTP calls: one request and its whole response (proxy-wasm 0.2.1, proxy_http_call)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate._native import http_call, is_hop_by_hop
from wasmgate.callouts.delivery import Answer
from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.errors import UpstreamError
from wasmgate.upstream import HttpUpstream

if TYPE_CHECKING:
    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits
    from wasmgate.callouts.targets import Target
    from wasmgate.upstream import Fields, Transaction

__all__ = ["HttpCalls"]


@dataclass(frozen=True)
class Request:
    """An `UpstreamRequest` with its whole body: `content` is sent after `head`."""

    endpoint: str
    method: str
    target: bytes
    headers: Fields
    content: bytes

    @property
    def head(self) -> bytes:
        """Request line and fields."""
        line = b"%b %b HTTP/1.1\r\n" % (self.method.encode("ascii"), self.target)
        return b"".join([line, *(b"%b: %b\r\n" % field for field in self.headers), b"\r\n"])

    @property
    def length(self) -> int:
        """Bytes after the head, transfer coding included."""
        return len(self.content)


class HttpCalls:
    """HTTP calls on one event loop. Redirects are returned as responses and not followed."""

    def __init__(self, limits: CalloutLimits) -> None:
        self._limits = limits
        self._network = HttpUpstream(limits=limits.upstream)
        self._checking = HttpUpstream(limits=limits.upstream, checked=True)

    async def call(self, callout: Callout, target: Target) -> Answer:
        """Send the request and return the whole response.

        Raises CalloutFailed and AddressRefused.
        """
        upstream = target.upstream or (self._checking if target.checked else self._network)
        # Other transports frame the body themselves and do not send trailers.
        trailers = callout.trailers if isinstance(upstream, HttpUpstream) else []
        request = _request(callout, target.endpoint, trailers)
        try:
            transaction = upstream.begin(request, request.content, end=True)
            try:
                return await self._answer(transaction)
            finally:
                transaction.close()
        except UpstreamError as error:
            raise CalloutFailed(error.message) from error

    async def _answer(self, transaction: Transaction) -> Answer:
        await transaction.response()
        body, size = [], 0
        while chunk := await transaction.receive():
            size += len(chunk)
            if size > self._limits.response:
                raise CalloutFailed(
                    f"the response is larger than {self._limits.response} bytes",
                    Status.RESOURCE_EXHAUSTED,
                )
            body.append(chunk)
        fields = [field for field in transaction.headers if not is_hop_by_hop(field[0])]
        return Answer(
            status=transaction.status,
            headers=fields,
            body=b"".join(body),
            trailers=transaction.trailers,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._network.close()
        self._checking.close()


def _request(callout: Callout, endpoint: str, trailers: Fields) -> Request:
    try:
        method, target, headers, content = http_call(callout.headers, callout.body, trailers)
    except ValueError as error:
        raise CalloutFailed(str(error), Status.INVALID_ARGUMENT) from None
    return Request(endpoint, method, target, headers, content)
