"""The modules of PyPI's `gpustack-higress-plugins`: production plugins in Go and Rust, ABI 0.2.100.

Their configurations are documented in alibaba/higress and gpustack/gpustack-higress-plugins.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmgate import Capabilities, Limits, Policy

if TYPE_CHECKING:
    from wasmgate._asgi import Receive, Scope, Send

# What Go's runtime and its collector need beyond the default limits.
GO = Limits(memory=128 * 1024**2, fuel=200_000_000, start_fuel=20_000_000_000)
CHAT = "/v1/chat/completions"
JSON = (b"content-type", b"application/json")


def modules() -> dict[str, Path]:
    """Return the path of each module by its name; the package itself is not imported."""
    package = importlib.util.find_spec("gpustack_higress_plugins")
    assert package is not None
    folders = package.submodule_search_locations or ()
    found = [path for folder in folders for path in Path(folder, "plugins").glob("*/*/plugin.wasm")]
    return {path.parts[-3]: path for path in found}


def plugin(name: str, configuration: object, **capabilities: Any) -> Policy:  # noqa: ANN401
    """Make a policy of one of the modules, with what it may touch."""
    allowed = {"metrics": ["*"]} | capabilities
    return Policy(
        modules()[name],
        name=name,
        configuration=json.dumps(configuration),
        limits=GO,
        capabilities=Capabilities(**allowed),
    )


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
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    @property
    def asked(self) -> dict[str, Any]:
        """The body of the last request, read as JSON."""
        value: dict[str, Any] = json.loads(self.seen[-1][2])
        return value
