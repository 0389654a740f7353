"""Upstreams: what carries a request on to an endpoint and its response back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.upstream.limits import UpstreamLimits
from wasmgate.upstream.port import Fields, Transaction, Upstream, UpstreamRequest

if TYPE_CHECKING:
    from wasmgate.upstream.http import AddressRefused, HttpUpstream

__all__ = [
    "AddressRefused",
    "Fields",
    "HttpUpstream",
    "Transaction",
    "Upstream",
    "UpstreamLimits",
    "UpstreamRequest",
]


def __getattr__(name: str) -> object:
    # Limits are described without the extension, which HTTP needs.
    if name not in {"AddressRefused", "HttpUpstream"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wasmgate.upstream import http  # noqa: PLC0415

    return getattr(http, name)
