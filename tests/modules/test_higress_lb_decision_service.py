"""gpustack-lb-decision-service: a service is asked, by an HTTP call, which model a task is for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import Peer, ScriptedUpstream
from tests.modules.balancing import ASKED, INSTANCES, ROUTED, balanced, chosen
from tests.modules.higress import Model, chat, plugin
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from wasmgate import Policy

SERVICE = "decisions.static"
RULES = {
    "providers": [{"id": "own", "endpoint": f"http://{SERVICE}", "apiToken": "mine"}],
    "activeProviderId": "own",
    "modelSelection": {"criteria": {name: f"what {name} can" for name in INSTANCES.values()}},
    "decisionTimeoutMs": 2000,
}
VERDICT = {
    "choice": "qwen-2",
    "confidence": 0.9,
    "probabilities": {"qwen-1": 0.1, "qwen-2": 0.8, "qwen-3": 0.1},
}

pytestmark = pytest.mark.timeout(300)


async def decides(peer: Peer) -> None:
    """Script: the service chooses."""
    while True:
        await peer.request()
        answers = {"answers": {"model_selection": VERDICT}}
        await peer.answer(
            json.dumps(answers).encode(), fields=b"content-type: application/json\r\n"
        )


def policies() -> list[Policy]:
    """Make the policies; one may call the service."""
    return balanced(plugin("gpustack-lb-decision-service", RULES, net=[SERVICE]))


async def test_the_service_chooses() -> None:
    """By the task, which waits for it."""
    model = Model(b"{}")
    async with ScriptedUpstream(decides) as service:
        app = PolicyMiddleware(model, policies=policies(), clusters={SERVICE: service.url})
        for _ in range(3):
            assert (await chat(app, ASKED, [ROUTED])).status == 200
    assert chosen(model) == ["model-2-2.static"] * 3
    (asked, *_) = service.requests
    assert asked.line == b"POST /v1/systemone HTTP/1.1"
    assert asked.values(b"authorization") == [b"Bearer mine"]
    question = json.loads(asked.body)
    assert json.loads(question["state"]) == ASKED
    assert set(question["questions"]["model_selection"]["criteria"]) == set(INSTANCES.values())


async def test_without_the_service_requests_pass() -> None:
    """To any instance."""
    async with ScriptedUpstream() as service:
        url = service.url
    model = Model(b"{}")
    app = PolicyMiddleware(model, policies=policies(), clusters={SERVICE: url})
    assert (await chat(app, ASKED, [ROUTED])).status == 200
    assert chosen(model)[0] in INSTANCES
