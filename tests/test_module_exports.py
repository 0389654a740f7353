"""Which callbacks the bundled policies keep: each one costs every request a crossing."""

from __future__ import annotations

import pytest

from wasmgate._native import inspect
from wasmgate.modules import locate

PER_REQUEST = {
    f"proxy_on_{name}"
    for name in (
        *("request_headers", "request_body", "request_trailers"),
        *("response_headers", "response_body", "response_trailers", "done", "log"),
    )
}


@pytest.mark.parametrize(
    ("policy", "callbacks"),
    [
        ("jwt_auth", {"proxy_on_request_headers"}),
        ("rate_limit", {"proxy_on_request_headers", "proxy_on_response_headers"}),
        ("rewrite", {"proxy_on_request_headers", "proxy_on_response_headers"}),
    ],
)
def test_a_bundled_policy_exports_the_callbacks_it_uses(policy: str, callbacks: set[str]) -> None:
    """What its Cargo.toml names, and none of the SDK's others."""
    exported = inspect(locate(policy).read_bytes())["callbacks"]
    assert PER_REQUEST & set(exported) == callbacks
