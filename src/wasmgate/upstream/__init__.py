"""Upstreams: what carries a request on to an endpoint and its response back."""

from wasmgate.upstream.engine import AddressRefused, Resolve
from wasmgate.upstream.http import HttpUpstream
from wasmgate.upstream.limits import UpstreamLimits
from wasmgate.upstream.port import Fields, Transaction, Upstream, UpstreamRequest

__all__ = [
    "AddressRefused",
    "Fields",
    "HttpUpstream",
    "Resolve",
    "Transaction",
    "Upstream",
    "UpstreamLimits",
    "UpstreamRequest",
]
