"""Upstreams: what carries a request on to an endpoint and its response back."""

from wasmgate.upstream.http import AddressRefused, HttpUpstream
from wasmgate.upstream.limits import UpstreamLimits
from wasmgate.upstream.port import Fields, Transaction, Upstream, UpstreamRequest

__all__ = [
    "AddressRefused",
    "Fields",
    "HttpUpstream",
    "Transaction",
    "Upstream",
    "UpstreamLimits",
    "UpstreamRequest",
]
