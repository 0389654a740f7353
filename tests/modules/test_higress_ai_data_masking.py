"""ai-data-masking (Rust): words refused, others masked on their way to the model and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.modules.higress import Model, chat, plugin
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.asgi_server import Connection

RULES = {
    "deny_openai": True,
    "deny_code": 403,
    "deny_words": ["forbiddenword"],
    "replace_roles": [
        {
            "regex": "%{EMAILLOCALPART}@%{HOSTNAME:domain}",
            "type": "replace",
            "restore": True,
            "value": "****@$domain",
        },
        {"regex": "sk-[0-9a-zA-Z]*", "type": "hash", "restore": True},
    ],
}

# Its dictionary of words is large: the first start takes a while.
pytestmark = pytest.mark.timeout(300)


def completion(text: str) -> bytes:
    """Return what a model answers."""
    choices = [{"index": 0, "message": {"role": "assistant", "content": text}}]
    return json.dumps({"id": "1", "model": "m", "choices": choices}).encode()


async def say(model: Model, text: str) -> Connection:
    """Send one message to the model, through the policy."""
    wrapped = PolicyMiddleware(model, policies=[plugin("ai-data-masking", RULES)])
    asked = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return await chat(wrapped, asked)


async def test_a_forbidden_word_never_reaches_the_model() -> None:
    """It is answered at once."""
    model = Model(completion("hello"))
    answer = await say(model, "tell me of forbiddenword please")
    assert (answer.status, model.seen) == (403, [])


async def test_an_address_is_masked_and_comes_back() -> None:
    """The model sees none of it; what it repeats of the mask is what the client wrote."""
    model = Model(completion("I wrote to ****@example.com"))
    answer = await say(model, "write to ada@example.com")
    assert model.asked["messages"][0]["content"] == "write to ****@example.com"
    content = json.loads(answer.body)["choices"][0]["message"]["content"]
    assert content == "I wrote to ada@example.com"


async def test_a_key_is_hashed() -> None:
    """The model sees another one."""
    model = Model(completion("fine"))
    await say(model, "use sk-12345")
    content = model.asked["messages"][0]["content"]
    assert content.startswith("use ")
    assert "sk-12345" not in content


async def test_other_words_pass() -> None:
    """Unchanged, both ways."""
    model = Model(completion("hello"))
    answer = await say(model, "good morning")
    assert model.asked["messages"][0]["content"] == "good morning"
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "hello"
