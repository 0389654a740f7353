"""`wasmgate.testing`: a policy between a client, an upstream and a clock of the test."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import Texts, caller
from wasmgate import Capabilities, ConfigError, Policy, PolicyLoadError, policies
from wasmgate.testing import PolicyHost

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.testing import StartedPolicies


@pytest.fixture
def limited(policy_host: PolicyHost) -> StartedPolicies:
    """One request a minute."""
    return policy_host.start(policies.rate_limit(limit="1/minute"))


def test_a_request_reaches_the_upstream_as_the_policies_left_it(policy_host: PolicyHost) -> None:
    """Path and headers."""
    rewrite = policies.rewrite(path_prefix={"/v1/": "/"}, request_headers={"set": {"x-a": "1"}})
    request = policy_host.start(rewrite).request("PUT", "/v1/x?y=z", body=b"body").request
    assert request is not None
    assert (request.method, request.path, request.authority) == ("PUT", "/x?y=z", "test")
    assert (request.headers.get("X-A"), request.body, request.complete) == ("1", b"body", True)


def test_chunks_arrive_in_their_order(policy_host: PolicyHost) -> None:
    """A body may come in pieces, both ways."""
    exchange = policy_host.start().request("POST", body=[b"one ", b"two"])
    response = exchange.respond(201, body=[b"three ", b"four"], trailers={"x-t": "1"})
    assert exchange.request is not None
    assert response is not None
    assert (exchange.request.body, response.body) == (b"one two", b"three four")
    assert (response.status, response.trailers, response.complete) == (201, (("x-t", "1"),), True)


def test_a_policy_answers_itself(limited: StartedPolicies) -> None:
    """Then nothing reaches the upstream."""
    limited.request().close()
    exchange = limited.request()
    assert exchange.request is None
    assert exchange.response is not None
    assert (exchange.response.status, exchange.response.complete) == (429, True)


def test_there_is_no_answer_to_what_did_not_arrive(limited: StartedPolicies) -> None:
    """A mistake of the test is told."""
    limited.request().close()
    with pytest.raises(RuntimeError, match="has not reached the upstream"):
        limited.request().respond()


def test_the_clock_moves_when_the_test_says_so(
    policy_host: PolicyHost, limited: StartedPolicies
) -> None:
    """A bucket fills up with it."""
    limited.request().close()
    policy_host.advance(59)
    assert limited.request().request is None
    policy_host.advance(1)
    assert limited.request().request is not None


def test_the_clock_begins_where_the_test_says() -> None:
    """Policies see the same date in each run."""
    began = PolicyHost(now=datetime(2030, 1, 1, tzinfo=UTC))
    assert began._native.time == int(datetime(2030, 1, 1, tzinfo=UTC).timestamp()) * 10**9


def test_a_policy_that_refuses_its_configuration_is_told(policy_host: PolicyHost) -> None:
    """As when a gateway starts."""
    with pytest.raises(PolicyLoadError, match="limit"):
        policy_host.start(policies.rate_limit(limit="none"))


def test_an_exchange_shows_where_it_is(policy_host: PolicyHost) -> None:
    """In the message of a failed test."""
    exchange = policy_host.start().request("GET", "/orders")
    before = repr(exchange)
    exchange.respond(204)
    assert (before, repr(exchange)) == (
        "<FakeExchange GET /orders: with the upstream>",
        "<FakeExchange GET /orders: answered 204>",
    )


def test_a_module_where_a_policy_is_meant_is_refused(policy_host: PolicyHost) -> None:
    """With what to write."""
    with pytest.raises(ConfigError, match="'rewrite' is not a policy"):
        policy_host.start("rewrite")  # type: ignore[arg-type]


def test_nothing_of_a_closed_host_reaches_the_next_one(tmp_path: Path) -> None:
    """Neither of an exchange that was left open nor of the policies."""
    module = tmp_path / "asks.wasm"
    texts = Texts()
    module.write_bytes(caller(texts, "proxy_on_request_headers", texts.http_call()))
    policy = Policy(module, capabilities=Capabilities(net=("auth",)))
    before = PolicyHost()
    before.start(policy).request()
    before.close()
    gc.collect()
    after = PolicyHost()
    after.start()
    after.advance(1)
    assert {"done", "log", "delete"} <= {line.message for line in before.logs}
    assert after.logs == []
