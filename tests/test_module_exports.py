"""Which callbacks the bundled policies keep: each one costs every request a crossing."""

from __future__ import annotations

import pytest

from wasmgate._native import inspect
from wasmgate.modules import locate

ALWAYS = {
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_delete",
    "proxy_on_memory_allocate",
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
    assert set(exported) - ALWAYS == callbacks
