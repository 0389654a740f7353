"""HTTP calls: one request and its whole answer (proxy-wasm 0.2.1, proxy_http_call)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate._native import is_hop_by_hop
from wasmgate.callouts.address_policy import dial_checked
from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.errors import UpstreamError
from wasmgate.upstream import HttpUpstream, UpstreamLimits

if TYPE_CHECKING:
    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits
    from wasmgate.callouts.targets import Target
    from wasmgate.upstream import Fields, Transaction

__all__ = ["HttpCalls"]

# RFC 9110 sections 5.1, 5.5 and 9.1, RFC 9112 section 3.2: a policy must not be able to write a
# second request into the first.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00\r\n]*")
_TARGET = re.compile(rb"(?:/[!-~\x80-\xff]*|\*)")
_AUTHORITY = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]+")
# Written anew, from the body and from `:authority`.
_WRITTEN = frozenset({b"content-length", b"host"})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True)
class Request:
    """An `UpstreamRequest` with all of its body: what is sent after `head` is `content`."""

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
        """How many bytes follow the head, with their coding."""
        return len(self.content)


class HttpCalls:
    """Makes calls on one event loop. Redirects are answers like others: nothing follows them."""

    def __init__(self, limits: CalloutLimits) -> None:
        bounds = UpstreamLimits(connections=limits.per_policy, read=limits.time)
        self._limits = limits
        self._network = HttpUpstream(limits=bounds)
        self._checking = HttpUpstream(limits=bounds, dial=dial_checked)

    async def call(self, callout: Callout, target: Target) -> tuple[Fields, bytes, Fields]:
        """Return fields with `:status` first, body and trailers of the answer.

        Raises CalloutFailed and AddressRefused.
        """
        upstream = target.upstream or (self._checking if target.checked else self._network)
        # Other transports do the framing themselves, and have no place for trailers.
        trailers = callout.trailers if isinstance(upstream, HttpUpstream) else []
        request = _request(callout, target.endpoint, trailers)
        try:
            transaction = await upstream.begin(request, request.content, end=True)
            try:
                return await self._answer(transaction)
            finally:
                transaction.close()
        except UpstreamError as error:
            raise CalloutFailed(error.message) from error

    async def _answer(self, transaction: Transaction) -> tuple[Fields, bytes, Fields]:
        await transaction.response()
        body, size = [], 0
        while chunk := await transaction.receive():
            size += len(chunk)
            if size > self._limits.response:
                raise CalloutFailed(
                    f"its answer is larger than {self._limits.response} bytes",
                    Status.RESOURCE_EXHAUSTED,
                )
            body.append(chunk)
        fields = [field for field in transaction.headers if not is_hop_by_hop(field[0])]
        status = (b":status", b"%d" % transaction.status)
        return [status, *fields], b"".join(body), list(transaction.trailers)

    def close(self) -> None:
        """Close what is idle."""
        self._network.close()
        self._checking.close()


def _request(callout: Callout, endpoint: str, trailers: Fields) -> Request:
    pseudo = {name: value for name, value in callout.headers if name.startswith(b":")}
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    authority = pseudo.get(b":authority", b"")
    if not _TOKEN.fullmatch(method) or method == b"CONNECT":
        raise CalloutFailed(f"{method!r} is not a method of an HTTP call", Status.INVALID_ARGUMENT)
    if not _TARGET.fullmatch(path):
        raise CalloutFailed(f"{path!r} is not a path", Status.INVALID_ARGUMENT)
    if not _AUTHORITY.fullmatch(authority):
        raise CalloutFailed(f"{authority!r} is not an authority", Status.INVALID_ARGUMENT)
    sent = [(name.lower(), value.strip(b" \t")) for name, value in callout.headers]
    fields = [field for field in sent if field[0][:1] != b":" and _goes_on(field[0])]
    last = [(name.lower(), value.strip(b" \t")) for name, value in trailers]
    last = [field for field in last if _goes_on(field[0])]
    for name, value in (*fields, *last):
        if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
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
    """Return the fields that frame a body, and the body as it is sent."""
    if trailers:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        last = b"".join([b"0\r\n", *(b"%b: %b\r\n" % field for field in trailers), b"\r\n"])
        return [(b"transfer-encoding", b"chunked")], chunk + last
    if not body and method in _BODILESS:
        return [], b""
    return [(b"content-length", b"%d" % len(body))], body
