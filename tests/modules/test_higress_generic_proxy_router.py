"""gpustack-generic-proxy-router: the model that is asked for, from path or body, as headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.modules.higress import JSON, Model, chat, plugin, posted
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.asgi_server import Connection

RULES = {
    "addProviderHeader": "x-provider",
    "modelToHeader": "x-model",
    "aliasNameMapping": {"small": "qwen-7b", "large": "openai/gpt-4"},
    "autoRouting": {
        "enable": True,
        "defaultModel": "qwen-7b",
        "rules": [{"pattern": r"(?i)\bcode\b", "model": "qwen-coder"}],
    },
}
FORM = b"multipart/form-data; boundary=limit"
UPLOAD = (
    b'--limit\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n\x00\xffRIFF\r\n--limit--\r\n"
)

pytestmark = pytest.mark.timeout(300)


def gate(model: Model) -> PolicyMiddleware:
    """Put the policy around a model's server."""
    return PolicyMiddleware(model, policies=[plugin("gpustack-generic-proxy-router", RULES)])


def told(model: Model) -> tuple[str | None, ...]:
    """Return the model as it was asked for, the provider, and the model alone."""
    _, headers, _ = model.seen[0]
    return tuple(headers.get(name) for name in ("x-higress-llm-model", "x-provider", "x-model"))


@pytest.mark.parametrize(
    ("alias", "expected"),
    [("small", ("qwen-7b", None, "qwen-7b")), ("large", ("openai/gpt-4", "openai", "gpt-4"))],
)
async def test_a_path_names_a_model(alias: str, expected: tuple[str | None, ...]) -> None:
    """The body stays as it is."""
    model = Model(b"{}")
    answer = await chat(gate(model), {"model": "m"}, to=f"/model/proxy/{alias}/v1/chat/completions")
    assert (answer.status, told(model), model.asked) == (200, expected, {"model": "m"})


async def test_a_body_names_a_model() -> None:
    """The provider goes into a header of its own, and out of the body."""
    model = Model(b"{}")
    await chat(gate(model), {"model": "openai/gpt-4o", "n": 1})
    assert told(model) == ("openai/gpt-4o", "openai", "gpt-4o")
    assert model.asked == {"model": "gpt-4o", "n": 1}
    _, headers, body = model.seen[0]
    assert int(headers.get("content-length", len(body))) == len(body)


@pytest.mark.parametrize(
    ("question", "chosen"), [("write some code", "qwen-coder"), ("good morning", "qwen-7b")]
)
async def test_the_question_chooses_a_model(question: str, chosen: str) -> None:
    """By the first expression that matches it, or else the default."""
    model = Model(b"{}")
    messages = [{"role": "user", "content": question}]
    await chat(gate(model), {"model": "higress/auto", "messages": messages})
    assert told(model) == (chosen, None, chosen)
    assert model.asked == {"model": chosen, "messages": messages}


async def uploaded(model: Model, to: str, kind: bytes) -> Connection:
    """Send a form with a file in it."""
    return await posted(gate(model), UPLOAD % b"openai/whisper", to=to, kind=kind).done()


async def test_a_form_names_a_model() -> None:
    """Its file passes, byte for byte."""
    model = Model(b"{}")
    await uploaded(model, "/v1/audio/transcriptions", FORM)
    assert told(model) == ("openai/whisper", "openai", "whisper")
    assert model.seen[0][2] == UPLOAD % b"whisper"


@pytest.mark.parametrize(("to", "kind"), [("/upload", FORM), ("/v1/embeddings", b"text/plain")])
async def test_what_is_not_its_business(to: str, kind: bytes) -> None:
    """Another path, or another type of content."""
    model = Model(b"{}")
    await uploaded(model, to, kind)
    assert told(model) == (None, None, None)
    assert model.seen[0][2] == UPLOAD % b"openai/whisper"


async def test_no_model_is_named() -> None:
    """The request passes."""
    model = Model(b"{}")
    await posted(gate(model), b'{"input": "text"}', to="/v1/embeddings", kind=JSON).done()
    assert (told(model), model.asked) == ((None, None, None), {"input": "text"})
