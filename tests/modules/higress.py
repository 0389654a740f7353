"""The modules of PyPI's `gpustack-higress-plugins`: production plugins in Go and Rust, ABI 0.2.100.

Their configurations are documented in alibaba/higress and gpustack/gpustack-higress-plugins.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.middleware.asgi_server import Connection, http_scope, part
from wasmgate import Capabilities, Limits, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._asgi import ASGIApp, Receive, Scope, Send

# What Go's runtime and its collector need beyond the default limits.
GO = {"memory": 128 * 1024**2, "fuel": 200_000_000, "start_fuel": 20_000_000_000}
ALLOWED = {"metrics": ["*"]}
CHAT = "/v1/chat/completions"
JSON = b"application/json"


def modules() -> dict[str, Path]:
    """Return the path of each module by its name; the package itself is not imported."""
    package = importlib.util.find_spec("gpustack_higress_plugins")
    assert package is not None
    folders = package.submodule_search_locations or ()
    found = [path for folder in folders for path in Path(folder, "plugins").glob("*/*/plugin.wasm")]
    return {path.parts[-3]: path for path in found}


def plugin(name: str, configuration: object, **capabilities: Any) -> Policy:  # noqa: ANN401
    """Make a policy of one of the modules, with what it may touch."""
    return Policy(
        modules()[name],
        name=name,
        configuration=json.dumps(configuration),
        limits=Limits(**GO),
        capabilities=Capabilities(**ALLOWED | capabilities),
    )


def written(name: str, configuration: object, **capabilities: object) -> dict[str, object]:
    """Write such a policy as gateway.yaml has it."""
    return {
        "module": str(modules()[name]),
        "configuration": configuration,
        "limits": GO,
        "capabilities": ALLOWED | capabilities,
    }


_Fields: TypeAlias = "Sequence[tuple[bytes, bytes]]"


def posted(
    app: ASGIApp, body: bytes, fields: _Fields = (), *, to: str = CHAT, kind: bytes = JSON
) -> Connection:
    """Send a request with a body, whose first bytes come alone."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *fields]
    parts = part(body[:10], more=True), part(body[10:])
    return Connection(app, http_scope("POST", to, headers), *parts)


async def chat(app: ASGIApp, asked: object, fields: _Fields = (), *, to: str = CHAT) -> Connection:
    """Send JSON, and wait for the end of the answer."""
    return await posted(app, json.dumps(asked).encode(), fields, to=to).done()


class Model:
    """An app that answers as a model's server does, and keeps what it was asked."""

    def __init__(self, *parts: bytes, content_type: bytes = b"application/json") -> None:
        self.parts = parts
        self.content_type = content_type
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.seen.append((scope["path"] + ("?" + query if query else ""), headers, body))
        head = [(b"content-type", self.content_type)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for piece in self.parts:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    @property
    def asked(self) -> dict[str, Any]:
        """The body of the last request, read as JSON."""
        value: dict[str, Any] = json.loads(self.seen[-1][2])
        return value
