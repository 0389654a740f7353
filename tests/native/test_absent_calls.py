"""HTTP and gRPC calls are not performed: they answer as the SDK bears it, and say their name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request
from tests.native.scripted import chain, outcomes

if TYPE_CHECKING:
    from wasmgate._native import Host


@pytest.mark.parametrize(
    ("operation", "answer", "name"),
    [
        ("http_call upstream", "InternalFailure", "proxy_http_call"),
        ("grpc_call upstream", "InternalFailure", "proxy_grpc_call"),
        ("grpc_stream upstream", "InternalFailure", "proxy_grpc_stream"),
        ("grpc_send 1", "NotFound", "proxy_grpc_send"),
        ("grpc_cancel 1", "NotFound", "proxy_grpc_cancel"),
        ("grpc_close 1", "NotFound", "proxy_grpc_close"),
        ("foreign other 00", "NotFound", "the foreign function `other`"),
    ],
)
def test_an_absent_call_says_so(host: Host, operation: str, answer: str, name: str) -> None:
    """And the policy goes on."""
    request = Request(chain(host, f"request_headers: {operation}"))
    assert outcomes(request) == [f"{operation} = {answer}"]
    assert ("guest", 3, f"{name} is not available on this host") in request.records
    assert request.passed


def test_there_is_no_status_of_a_call(host: Host) -> None:
    """`proxy_get_status` outside of a call's response."""
    request = Request(chain(host, "request_headers: grpc_status"))
    assert outcomes(request) == ["grpc_status = 0 None"]
