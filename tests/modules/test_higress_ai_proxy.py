"""gpustack-ai-proxy: one protocol for clients, another for the model; events pass as they come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.higress import Model, chat, plugin
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.asgi_server import Connection

CLAUDE = {
    "provider": {
        "type": "claude",
        "apiTokens": ["sk-model"],
        "modelMapping": {"small": "claude-small"},
    }
}
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"id": "m1", "model": "claude-small", "usage": {}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "he"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "llo"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)

pytestmark = pytest.mark.timeout(300)


def event(content: dict[str, Any]) -> bytes:
    """Write an event as the model's server does."""
    return f"event: {content['type']}\ndata: {json.dumps(content)}\n\n".encode()


async def ask(model: Model, *, stream: bool) -> Connection:
    """Ask as a client of OpenAI's protocol does."""
    wrapped = PolicyMiddleware(model, policies=[plugin("gpustack-ai-proxy", CLAUDE)])
    asked = {"model": "small", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    return await chat(wrapped, asked, [(b"authorization", b"Bearer mine")])


async def test_the_model_is_asked_in_its_own_protocol() -> None:
    """Another path, its own key and name of the model; the client's key stays here."""
    model = Model(b"{}")
    await ask(model, stream=False)
    target, headers, _ = model.seen[0]
    assert (target, headers["x-api-key"]) == ("/v1/messages", "sk-model")
    assert "mine" not in headers.get("authorization", "")
    assert model.asked["model"] == "claude-small"
    assert model.asked["messages"][0]["role"] == "user"


async def test_a_whole_answer_comes_back_translated() -> None:
    """Its text is where the client's protocol has it."""
    text = {"type": "text", "text": "hello"}
    told = {"id": "m1", "type": "message", "model": "claude-small", "content": [text]}
    usage = {"usage": {"input_tokens": 1, "output_tokens": 2}, "stop_reason": "end_turn"}
    answer = await ask(Model(json.dumps(told | usage).encode()), stream=False)
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "hello"


async def test_events_are_translated_one_by_one() -> None:
    """Each as it comes, not when the answer is whole."""
    model = Model(*map(event, EVENTS), content_type=b"text/event-stream")
    answer = await ask(model, stream=True)
    lines = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "hello"
    parts = [m for m in answer.sent if m["type"] == "http.response.body" and m.get("body")]
    assert len(parts) > 1
    assert b"he" in parts[0]["body"] + parts[1]["body"]
