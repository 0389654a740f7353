"""`wasmgate.testing`: what policies ask of others is answered by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import Texts, caller
from wasmgate import Capabilities, Policy

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.testing import FakeExchange, PolicyHost


@pytest.fixture
def waiting(policy_host: PolicyHost, tmp_path: Path) -> FakeExchange:
    """Send a request whose policy asks `auth` and waits for the answer."""
    texts = Texts()
    module = tmp_path / "asks.wasm"
    module.write_bytes(caller(texts, "proxy_on_request_headers", texts.http_call()))
    policy = Policy(module, capabilities=Capabilities(net=("auth",)))
    return policy_host.start(policy).request()


def test_a_policy_waits_for_the_answer(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """Its call is there to be looked at."""
    (call,) = policy_host.callouts
    assert (call.kind, call.upstream, waiting.paused) == ("http", "auth", True)


def test_the_answer_lets_the_request_go_on(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """And the policy has seen it."""
    policy_host.answer(policy_host.callouts[0], 200, headers={"x-user": "ada"}, body=b"welcome")
    said = [line.message for line in policy_host.logs]
    assert (waiting.request is not None, policy_host.callouts) == (True, [])
    assert {"map 6 0 ada", "buffer 4 0 welcome", "code 200"} <= set(said)


def test_a_call_can_fail(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """The policy gets no headers."""
    policy_host.fail(policy_host.callouts[0])
    assert "http_call_response 0 0 0" in [line.message for line in policy_host.logs]
    assert waiting.request is not None


def test_a_call_is_answered_once(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """A mistake of the test is told."""
    (call,) = policy_host.callouts
    policy_host.answer(call)
    with pytest.raises(ValueError, match="is over"):
        policy_host.answer(call)
    waiting.close()


def test_a_call_ends_with_its_request(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """As when the client leaves."""
    waiting.close()
    assert policy_host.callouts == []
