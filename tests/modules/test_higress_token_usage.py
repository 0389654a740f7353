"""gpustack-token-usage: tokens and times of answers, told to the client and to a service."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.scripted_upstream import Peer, Received, ScriptedUpstream, sends
from tests.gateway.serving import Client, both_forms, serve
from tests.modules.higress import CHAT, written
from wasmgate import Gateway, GatewayConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.scripted_upstream import Script

# Its name says whose tokens they are: of the third model.
INSTANCE, REPORTS = "model-3-12.static", "gpustack.static"
RULES = {
    "endpoint": {"service_name": REPORTS, "service_port": 80, "path": "/usage"},
    "realIPHeader": "x-real-ip",
    "header_add": {"x-gateway-token": "trusted"},
}
USAGE = {"prompt_tokens": 24, "completion_tokens": 7, "total_tokens": 31}
TOKENS = (
    b'data: {"model":"m1","choices":[{"delta":{"content":"he"}}]}\n\n',
    b'data: {"model":"m1","choices":[{"delta":{"content":"llo"}}]}\n\n',
)
LAST = b"data: " + json.dumps({"model": "m1", "choices": [], "usage": USAGE}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"

pytestmark = [pytest.mark.timeout(300), both_forms]


def streams(*events: bytes) -> Script:
    """Script: answer with events, one by one; without the last chunk if the end is missing."""

    async def script(peer: Peer) -> None:
        await peer.request()
        fields = b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        await peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n" % fields)
        for event in events:
            await peer.send(b"%x\r\n%b\r\n" % (len(event), event))
            await asyncio.sleep(0.005)  # in no time there is no rate of tokens
        if DONE in events:
            await peer.send(b"0\r\n\r\n")

    return script


async def thanks(peer: Peer) -> None:
    """Script: the service that hears of the tokens."""
    while True:
        await peer.request()
        await peer.answer(b"{}")


def gateway(model: ScriptedUpstream, reports: ScriptedUpstream) -> Gateway:
    """Put the policy before an instance of a model."""
    config = {
        "policies": {"usage": written("gpustack-token-usage", RULES, net=[REPORTS])},
        "clusters": {INSTANCE: {"endpoints": [model.url]}, REPORTS: {"endpoints": [reports.url]}},
        "routes": [{"match": {"prefix": "/"}, "policies": ["usage"], "cluster": INSTANCE}],
    }
    return Gateway(GatewayConfig.model_validate(config))


@contextlib.asynccontextmanager
async def served(
    script: Script,
) -> AsyncIterator[tuple[ScriptedUpstream, ScriptedUpstream, int]]:
    """Run a gateway; gives what it forwards to, what it tells of the tokens, and its port."""
    async with (
        ScriptedUpstream(script) as model,
        ScriptedUpstream(thanks) as reports,
        serve(gateway(model, reports)) as port,
    ):
        yield model, reports, port


async def asked(client: Client, **more: object) -> None:
    """Ask the model, as a user whom an earlier policy knows."""
    question = {"model": "m1", "messages": [{"role": "user", "content": "hello"}], **more}
    body = json.dumps(question).encode()
    fields = b"x-mse-consumer: key.gpustack-42\r\nx-real-ip: 6.6.6.6\r\n"
    await client.send(
        b"POST %b HTTP/1.1\r\nhost: gate.test\r\ncontent-type: application/json\r\n%b"
        b"content-length: %d\r\n\r\n%b" % (CHAT.encode(), fields, len(body), body)
    )


async def told(reports: ScriptedUpstream) -> tuple[Received, dict[str, Any]]:
    """Wait for what the service is told."""
    await reports.until(lambda: bool(reports.requests and reports.requests[0].body))
    (report,) = reports.requests
    return report, json.loads(report.body)


def data(body: bytes) -> list[dict[str, Any]]:
    """Return the contents of events."""
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


async def test_a_stream_of_tokens() -> None:
    """The model is asked for its usage, whose event gets the times."""
    async with (
        served(streams(*TOKENS, LAST, DONE)) as (model, reports, port),
        Client(port) as client,
    ):
        await asked(client, stream=True)
        answer = await client.reply()
        report, usage = await told(reports)
    (request,) = model.requests
    assert json.loads(request.body)["stream_options"] == {"include_usage": True}
    # The gateway names the consumer, not the client.
    assert request.values(b"x-real-ip") == [b"127.0.0.1"]
    assert request.values(b"x-gateway-token") == [b"trusted"]
    *tokens, last = data(answer.body)
    assert [event["choices"][0]["delta"]["content"] for event in tokens] == ["he", "llo"]
    times = {"time_to_first_token_ms", "time_per_output_token_ms", "tokens_per_second"}
    assert last["usage"].keys() == USAGE.keys() | times
    assert report.line == b"POST /usage HTTP/1.1"
    assert report.values(b"x-gateway-token") == [b"trusted"]
    counts = ("input_token", "output_token", "total_token", "output_chunk_count")
    assert [usage[count] for count in counts] == [24, 7, 31, 2]
    assert (usage["model_id"], usage["user_id"], usage["access_key"]) == (3, 42, "key")
    assert usage["completed"] is True


async def test_an_answer_in_one_piece() -> None:
    """The client gets it as it is."""
    content = json.dumps({"model": "m1", "choices": [], "usage": USAGE}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    async with (
        served(sends(head % len(content), content[:20], content[20:])) as (_, reports, port),
        Client(port) as client,
    ):
        await asked(client)
        answer = await client.reply()
        _, usage = await told(reports)
    assert answer.body == content
    assert (usage["input_token"], usage["output_token"], usage["completed"]) == (24, 7, True)


async def test_a_client_that_wants_no_usage() -> None:
    """Gets none; the service does."""
    async with (
        served(streams(*TOKENS, LAST, DONE)) as (_, reports, port),
        Client(port) as client,
    ):
        await asked(client, stream=True, stream_options={"include_usage": False})
        answer = await client.reply()
        _, usage = await told(reports)
    assert answer.body == b"".join([*TOKENS, DONE])
    assert usage["total_token"] == 31


async def test_a_client_that_leaves() -> None:
    """The service hears what there was until then."""
    async with served(streams(*TOKENS)) as (_, reports, port):
        async with Client(port) as client:
            await asked(client, stream=True)
            await client.head()
            received = b""
            while received != b"".join(TOKENS):
                received += await client.chunk()
        _, usage = await told(reports)
    assert (usage["completed"], usage["output_chunk_count"]) == (False, 2)
