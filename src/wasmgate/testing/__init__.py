"""Tests of policies without a server: fake requests, a clock that a test moves.

    def test_the_admin_page_is_closed(policy_host):
        own = policy_host.start(Policy("own.wasm", configuration={"deny": ["/admin"]}))
        assert own.request("GET", "/admin").response.status == 403

`policy_host` is a fixture of the pytest plugin that comes with wasmgate; `PolicyHost` works without
pytest just as well. What runs is the host that serves requests, with real modules: only the client,
the upstream and the clock are the test's.
"""

from __future__ import annotations

from wasmgate.testing.exchange import FakeExchange
from wasmgate.testing.host import PolicyHost, StartedPolicies
from wasmgate.testing.messages import Fields, LogLine, Request, Response

__all__ = [
    "FakeExchange",
    "Fields",
    "LogLine",
    "PolicyHost",
    "Request",
    "Response",
    "StartedPolicies",
]
