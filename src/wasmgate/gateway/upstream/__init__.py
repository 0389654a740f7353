"""Upstreams: what carries a request on to an endpoint and its response back."""

from wasmgate.gateway.upstream.client import HttpUpstream
from wasmgate.gateway.upstream.limits import UpstreamLimits
from wasmgate.gateway.upstream.port import Fields, Transaction, Upstream, UpstreamRequest

__all__ = [
    "Fields",
    "HttpUpstream",
    "Transaction",
    "Upstream",
    "UpstreamLimits",
    "UpstreamRequest",
]
