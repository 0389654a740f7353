"""Upstreams: what carries a request on to an endpoint and its response back."""

from wasmgate.upstream.client import HttpUpstream
from wasmgate.upstream.dial import Dial
from wasmgate.upstream.limits import UpstreamLimits
from wasmgate.upstream.port import Fields, Transaction, Upstream, UpstreamRequest

__all__ = [
    "Dial",
    "Fields",
    "HttpUpstream",
    "Transaction",
    "Upstream",
    "UpstreamLimits",
    "UpstreamRequest",
]
