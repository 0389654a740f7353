"""The request that every guest gets: through the host's own exchange, and as an ASGI server's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmgate import Capabilities, Limits, Policy
from wasmgate._native import Chain, Cluster, Route, Router

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send
    from wasmgate._native import Plugin

BODY = b"name=wasmgate&kind=policy&count=7" * 31 + b"!"  # 1,024 bytes
_ANSWER = b"u" * 128
_RESPONSE_FIELDS = [(b"content-type", b"text/plain"), (b"content-length", b"128")]
_PEER = ("127.0.0.1", 50_000)
FIELDS = [
    (b"host", b"api.example"),
    (b"user-agent", b"load/1.0"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, br"),
    (b"x-request-id", b"7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642"),
    (b"content-length", b"%d" % len(BODY)),
]
_CALLER = (b"x-caller", b"load/1.0/7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642")


def policy(module: Path, **settings: Any) -> Policy:  # noqa: ANN401 (Policy's)
    """Return the guest as a policy, with limits that are enough for every language."""
    return Policy(
        module,
        name="stamp",
        limits=Limits(memory=64 * 1024**2, fuel=50_000_000),
        capabilities=Capabilities(metrics=("stamped",)),
        **settings,
    )


def routed(plugin: Plugin) -> Router:
    """Return a router whose only route has the guest before an upstream that is never called."""
    upstream = Cluster(
        name="upstream", endpoints=[("http://127.0.0.1:9001", 1)], lb_policy="round_robin"
    )
    route = Route(
        name="all",
        path=("prefix", "/"),
        chain=Chain([plugin]),
        clusters=[("upstream", 1)],
    )
    return Router(
        clusters=[upstream],
        routes=[route],
        trusted_proxies=[],
        headers=128,
        header_bytes=65_536,
        body=None,
    )


def serve(router: Router, *more: tuple[bytes, bytes]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Take a request with its response through an exchange; return what the upstream gets."""
    fields = [*FIELDS, *more]
    exchange, _ = router.open(_PEER, _PEER, "http", "1.1", "POST", b"/orders/42", fields)
    upstream = exchange.upstream
    effects = exchange.on_request_body(BODY, True)  # noqa: FBT003 (native)
    body = BODY if effects is None else effects.request_body
    exchange.on_response_headers(200, _RESPONSE_FIELDS, False)  # noqa: FBT003 (native)
    exchange.on_response_body(_ANSWER, True)  # noqa: FBT003 (native)
    exchange.close()
    return [] if upstream is None else upstream.headers, body or b""


def check(name: str, router: Router) -> None:
    """Raise RuntimeError unless a guest does its work."""
    headers, body = serve(router)
    if _CALLER not in headers or body != BODY.upper():
        raise RuntimeError(f"{name} does not do the work: {headers}, {body[:32]!r}")


class Endpoint:
    """The app around which a policy is put: it reads the body, and answers."""

    def __init__(self) -> None:
        self.calls = 0
        self.received = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 128 bytes."""
        del scope
        self.calls += 1
        more = True
        while more:
            message = await receive()
            self.received += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": _RESPONSE_FIELDS})
        await send({"type": "http.response.body", "body": _ANSWER, "more_body": False})


async def send(app: ASGIApp, requests: int) -> None:
    """Send so many requests through an app, one after the other."""
    for _ in range(requests):
        await app(_scope(), _receive, _taken)


async def _receive() -> Message:
    return {"type": "http.request", "body": BODY, "more_body": False}


async def _taken(message: Message) -> None:
    del message


def _scope() -> Scope:
    """Return a request as uvicorn hands it over."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8080),
        "client": _PEER,
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": "/orders/42",
        "raw_path": b"/orders/42",
        "query_string": b"",
        "headers": FIELDS,
        "state": {},
    }
