"""Tests of policies without a server, with fake requests and a clock that the test advances.

    def test_the_admin_page_is_closed(policy_host):
        own = policy_host.start(Policy("own.wasm", configuration={"deny": ["/admin"]}))
        assert own.request("GET", "/admin").response.status == 403

`policy_host` is a fixture of wasmgate's pytest plugin; `PolicyHost` works without pytest, too. The
host and the modules are those that serve requests: the test replaces the client, the upstream and
the clock.
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
