"""transformer: headers, query and body of requests, and bodies of answers, changed by rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.modules.higress import Model, plugin, posted
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from tests.middleware.asgi_server import Connection

RULES = {
    "reqRules": [
        {"operate": "remove", "headers": [{"key": "x-remove"}], "body": [{"key": "secret"}]},
        {"operate": "rename", "headers": [{"oldKey": "x-old", "newKey": "x-new"}]},
        {"operate": "add", "querys": [{"key": "source", "value": "gate"}]},
        {"operate": "replace", "body": [{"key": "model", "newValue": "large"}]},
        {
            "operate": "map",
            "headers": [{"fromKey": "userId", "toKey": "x-user-id"}],
            "mapSource": "body",
        },
    ],
}
ANSWER_RULES = {
    "respRules": [
        {"operate": "remove", "body": [{"key": "debug"}]},
        {"operate": "add", "headers": [{"key": "x-transformed", "value": "yes"}]},
    ],
}

pytestmark = pytest.mark.timeout(300)


async def changed(body: bytes, rules: object = RULES) -> tuple[Model, Connection]:
    """Send a request with two parts of a JSON body; its answer is JSON, too."""
    model = Model(b'{"answer": 42, ', b'"debug": "trace"}')
    wrapped = PolicyMiddleware(model, policies=[plugin("transformer", rules)])
    fields = [(b"x-remove", b"1"), (b"x-old", b"kept")]
    return model, await posted(wrapped, body, fields, to="/v1/chat?page=2").done()


BODY = b'{"model": "small", "userId": 12, "secret": "s"}'


async def test_headers_and_query_of_a_request() -> None:
    """One removed, one renamed, one made from the body; a parameter added."""
    model, _ = await changed(BODY)
    target, headers, _ = model.seen[0]
    assert target == "/v1/chat?page=2&source=gate"
    assert "x-remove" not in headers
    assert (headers["x-new"], headers["x-user-id"]) == ("kept", "12")


async def test_the_body_of_a_request() -> None:
    """It is held until it is whole, and its length fits."""
    model, _ = await changed(BODY)
    assert model.asked == {"model": "large", "userId": 12}
    _, headers, body = model.seen[0]
    assert int(headers.get("content-length", len(body))) == len(body)


async def test_the_answer() -> None:
    """A field of its body is gone, a header is there."""
    _, answer = await changed(BODY, ANSWER_RULES)
    assert json.loads(answer.body) == {"answer": 42}
    assert (b"x-transformed", b"yes") in answer.start["headers"]
