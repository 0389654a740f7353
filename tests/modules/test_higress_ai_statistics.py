"""ai-statistics: tokens counted from whole and streamed answers, as metrics and as a log record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.modules.higress import Model, chat, plugin
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.asgi_server import Connection

USAGE = {"prompt_tokens": 24, "completion_tokens": 7, "total_tokens": 31}
EVENTS = (
    b'data: {"model":"m1","choices":[{"delta":{"content":"he"}}]}\n\n',
    b'data: {"model":"m1","choices":[{"delta":{"content":"llo"}}]}\n\n',
    b"data: " + json.dumps({"model": "m1", "choices": [], "usage": USAGE}).encode() + b"\n\n",
    b"data: [DONE]\n\n",
)

pytestmark = pytest.mark.timeout(300)


async def counted(model: Model, *, stream: bool) -> tuple[Connection, dict[str, int]]:
    """Ask the model through the policy; return the answer and the metrics by their last part."""
    wrapped = PolicyMiddleware(model, policies=[plugin("ai-statistics", {})])
    asked = {"model": "m1", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    answer = await chat(wrapped, asked)
    metrics = {name.rpartition(".metric.")[2]: value for name, _, value in wrapped.host.metrics()}
    return answer, metrics


async def test_the_tokens_of_a_whole_answer() -> None:
    """The answer itself is unchanged."""
    body = json.dumps({"model": "m1", "choices": [], "usage": USAGE}).encode()
    answer, metrics = await counted(Model(body), stream=False)
    assert answer.body == body
    assert (metrics["input_token"], metrics["output_token"]) == (24, 7)
    assert metrics["llm_duration_count"] == 1


async def test_the_tokens_of_a_streamed_answer() -> None:
    """From its last event; the events come one by one."""
    model = Model(*EVENTS, content_type=b"text/event-stream")
    answer, metrics = await counted(model, stream=True)
    assert answer.body == b"".join(EVENTS)
    assert (metrics["input_token"], metrics["output_token"]) == (24, 7)
    assert metrics["llm_stream_duration_count"] == 1
