"""`wasmgate.testing`: what policies ask of others is answered by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import Texts, caller
from wasmgate import Capabilities, Policy

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.testing import FakeExchange, PolicyHost


def asked(policy_host: PolicyHost, folder: Path, texts: Texts, call: str) -> FakeExchange:
    """Send a request whose policy makes a call to `auth` and waits for the answer."""
    module = folder / "asks.wasm"
    module.write_bytes(caller(texts, "proxy_on_request_headers", call))
    policy = Policy(module, capabilities=Capabilities(net=("auth",)))
    return policy_host.start(policy).request()


def said(policy_host: PolicyHost) -> list[str]:
    """Return what the policy logged so far."""
    return [line.message for line in policy_host.logs]


@pytest.fixture
def waiting(policy_host: PolicyHost, tmp_path: Path) -> FakeExchange:
    """Send a request whose policy makes an HTTP call."""
    texts = Texts()
    return asked(policy_host, tmp_path, texts, texts.http_call())


@pytest.fixture
def waiting_for_grpc(policy_host: PolicyHost, tmp_path: Path) -> FakeExchange:
    """Send a request whose policy makes a gRPC call."""
    texts = Texts()
    return asked(policy_host, tmp_path, texts, texts.grpc_call())


@pytest.fixture
def waiting_for_redis(policy_host: PolicyHost, tmp_path: Path) -> FakeExchange:
    """Send a request whose policy asks Redis."""
    texts = Texts()
    call = texts.redis_init(b"auth") + texts.redis_call(b"auth")
    return asked(policy_host, tmp_path, texts, call)


def test_a_policy_waits_for_the_answer(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """Its call is there to be looked at."""
    (call,) = policy_host.callouts
    assert (call.kind, call.upstream, waiting.paused) == ("http", "auth", True)


def test_the_answer_lets_the_request_go_on(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """And the policy has seen it."""
    policy_host.answer(policy_host.callouts[0], 200, headers={"x-user": "ada"}, body=b"welcome")
    assert (waiting.request is not None, policy_host.callouts) == (True, [])
    assert {"map 6 0 ada", "buffer 4 0 welcome", "code 200"} <= set(said(policy_host))


def test_a_call_can_fail(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """The policy gets no headers."""
    policy_host.fail(policy_host.callouts[0])
    assert "http_call_response 0 0 0" in said(policy_host)
    assert waiting.request is not None


def test_a_call_is_answered_once(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """A mistake of the test is told."""
    (call,) = policy_host.callouts
    policy_host.answer(call)
    with pytest.raises(ValueError, match="has ended"):
        policy_host.answer(call)
    waiting.close()


def test_a_call_ends_with_its_request(policy_host: PolicyHost, waiting: FakeExchange) -> None:
    """As when the client leaves."""
    waiting.close()
    assert policy_host.callouts == []


def test_a_grpc_call_is_answered(policy_host: PolicyHost, waiting_for_grpc: FakeExchange) -> None:
    """With a message."""
    policy_host.answer_grpc(policy_host.callouts[0], b"welcome")
    assert waiting_for_grpc.request is not None
    assert "buffer 5 0 welcome" in said(policy_host)


def test_a_grpc_call_ends_with_a_status(
    policy_host: PolicyHost, waiting_for_grpc: FakeExchange
) -> None:
    """7 is PERMISSION_DENIED."""
    policy_host.answer_grpc(policy_host.callouts[0], status=7)
    assert waiting_for_grpc.request is not None
    assert "grpc_close 7" in said(policy_host)


def test_a_grpc_call_can_fail(policy_host: PolicyHost, waiting_for_grpc: FakeExchange) -> None:
    """14 is UNAVAILABLE."""
    policy_host.fail(policy_host.callouts[0])
    assert waiting_for_grpc.request is not None
    assert "grpc_close 14" in said(policy_host)


def test_redis_is_answered(policy_host: PolicyHost, waiting_for_redis: FakeExchange) -> None:
    """As the server would."""
    policy_host.answer_redis(policy_host.callouts[0], b"+PONG\r\n")
    assert waiting_for_redis.request is not None
    assert r"buffer 9 0 +PONG\r\n" in said(policy_host)


def test_redis_can_fail(policy_host: PolicyHost, waiting_for_redis: FakeExchange) -> None:
    """Without a response."""
    policy_host.fail(policy_host.callouts[0])
    assert waiting_for_redis.request is not None
    assert any(line.startswith("redis_call_response 1") for line in said(policy_host))


def test_a_call_is_answered_in_its_own_way(
    policy_host: PolicyHost, waiting_for_redis: FakeExchange
) -> None:
    """A mistake of the test is told."""
    with pytest.raises(ValueError, match="is of kind 'redis'"):
        policy_host.answer(policy_host.callouts[0])
    waiting_for_redis.close()
