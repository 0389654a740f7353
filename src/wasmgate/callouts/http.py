"""HTTP calls: one request and its whole response (proxy-wasm 0.2.1, proxy_http_call)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate._native import (
    is_authority,
    is_field_value,
    is_hop_by_hop,
    is_origin_form,
    is_token,
)
from wasmgate.callouts.address_policy import resolve
from wasmgate.callouts.delivery import Answer
from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.errors import UpstreamError
from wasmgate.upstream import HttpUpstream, UpstreamLimits

if TYPE_CHECKING:
    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits
    from wasmgate.callouts.targets import Target
    from wasmgate.upstream import Fields, Transaction

__all__ = ["HttpCalls"]

# These fields are written by the client, from the body and from `:authority`.
_WRITTEN = frozenset({b"content-length", b"host"})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


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
        bounds = UpstreamLimits(connections=limits.per_policy, read=limits.time)
        self._limits = limits
        self._network = HttpUpstream(limits=bounds)
        self._checking = HttpUpstream(limits=bounds, resolve=resolve)

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
    pseudo = {name: value for name, value in callout.headers if name.startswith(b":")}
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    authority = pseudo.get(b":authority", b"")
    # A policy must not be able to write a second request into the first.
    if not is_token(method) or method == b"CONNECT":
        raise CalloutFailed(f"{method!r} is not a method of an HTTP call", Status.INVALID_ARGUMENT)
    if not (is_origin_form(path) or path == b"*"):
        raise CalloutFailed(f"{path!r} is not a path", Status.INVALID_ARGUMENT)
    if not is_authority(authority):
        raise CalloutFailed(f"{authority!r} is not an authority", Status.INVALID_ARGUMENT)
    sent = [(name.lower(), value.strip(b" \t")) for name, value in callout.headers]
    fields = [field for field in sent if field[0][:1] != b":" and _goes_on(field[0])]
    last = [(name.lower(), value.strip(b" \t")) for name, value in trailers]
    last = [field for field in last if _goes_on(field[0])]
    for name, value in (*fields, *last):
        if not (is_token(name) and is_field_value(value)):
            raise CalloutFailed(
                f"{name!r} is not a field name, or its value is not a field value",
                Status.INVALID_ARGUMENT,
            )
    text = method.decode("ascii")
    framing, content = _framed(text, callout.body, last)
    return Request(endpoint, text, path, [(b"host", authority), *fields, *framing], content)


def _goes_on(name: bytes) -> bool:
    return name not in _WRITTEN and not is_hop_by_hop(name)


def _framed(method: str, body: bytes, trailers: Fields) -> tuple[Fields, bytes]:
    """Return the framing fields and the body as it is sent (RFC 9112 section 6)."""
    if trailers:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        last = b"".join([b"0\r\n", *(b"%b: %b\r\n" % field for field in trailers), b"\r\n"])
        return [(b"transfer-encoding", b"chunked")], chunk + last
    if not body and method in _BODILESS:
        return [], b""
    return [(b"content-length", b"%d" % len(body))], body
