"""What the three policies add to a request, in process: ours, and the same in Python.

A round sends the same requests through the bare app and through each subject, on one event loop
without a server. CPU is that of the process; what a subject adds is its figure minus the bare app's
of the same round. Every subject is made anew for each round, so a token is new again.
"""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_stack import PythonStack
from results import Result, summary
from work import CLIENT_PREFIX, PATH, QUERY, chain

from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress
    from tokens import Issuer

    from wasmgate._asgi import ASGIApp, Message, Receive, Scope, Send

REPEATED = 100  # tokens that a client population sends over and over
_WARM_UP = 500

_RESPONSE_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"128")],
}
_RESPONSE_BODY = {"type": "http.response.body", "body": b"u" * 128, "more_body": False}


class Endpoint:
    """The app around which everything is put: it answers, and counts what reached it as wanted."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 128 bytes."""
        del receive
        self.calls += scope["path"].endswith(PATH)
        await send(_RESPONSE_START)
        await send(_RESPONSE_BODY)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A way to put the policies around an app."""

    name: str
    wrap: Callable[[ASGIApp, str], ASGIApp]


def _wasmgate(app: ASGIApp, public_pem: str) -> ASGIApp:
    return PolicyMiddleware(app, policies=chain(public_pem))


def _python(app: ASGIApp, public_pem: str) -> ASGIApp:
    return PythonStack(app, public_pem=public_pem)


def _python_tuned(app: ASGIApp, public_pem: str) -> ASGIApp:
    return PythonStack(app, public_pem=public_pem, parse_key_once=True)


def _python_memory(app: ASGIApp, public_pem: str) -> ASGIApp:
    return PythonStack(app, public_pem=public_pem, parse_key_once=True, remember=True)


SUBJECTS = (
    Subject(name="wasmgate-middleware", wrap=_wasmgate),
    Subject(name="python-jose+limits", wrap=_python),
    Subject(name="python-jose+limits-tuned", wrap=_python_tuned),
    Subject(name="python-jose+limits-memory", wrap=_python_memory),
)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What is sent to every subject."""

    question: str
    issuer: Issuer
    warm_up: list[str]
    tokens: list[str]


def known(issuer: Issuer, requests: int, rounds: int, progress: Progress) -> list[Result]:
    """Measure with tokens that were seen before."""
    repeated = issuer.mint(REPEATED)
    tokens = [repeated[number % REPEATED] for number in range(requests)]
    sent = Sent(question="chain.known", issuer=issuer, warm_up=repeated, tokens=tokens)
    return _measure(sent, rounds, progress)


def new(issuer: Issuer, tokens: list[str], rounds: int, progress: Progress) -> list[Result]:
    """Measure with tokens that were never seen; each is used once a round."""
    repeated = issuer.mint(REPEATED)
    sent = Sent(question="chain.new", issuer=issuer, warm_up=repeated, tokens=tokens)
    return _measure(sent, rounds, progress)


def _measure(sent: Sent, rounds: int, progress: Progress) -> list[Result]:
    question, tokens = sent.question, sent.tokens
    task = progress.add_task(question, total=rounds * len(SUBJECTS))
    added: dict[str, list[float]] = {subject.name: [] for subject in SUBJECTS}
    for _ in range(rounds):
        bare = _cpu(Endpoint(), [], tokens)
        for subject in SUBJECTS:
            progress.update(task, description=f"{question} {subject.name}", refresh=True)
            endpoint = Endpoint()
            app = subject.wrap(endpoint, sent.issuer.public_pem)
            asyncio.run(_check(app))
            added[subject.name].append(_cpu(app, sent.warm_up, tokens) - bare)
            if endpoint.calls != len(tokens) + _WARM_UP:
                raise RuntimeError(f"{question}: {subject.name} refused valid tokens")
            progress.update(task, advance=1, refresh=True)
    params = {"requests": len(tokens), "tokens": len(set(tokens)), "added": True}
    return [summary(question, name, "cpu", samples, **params) for name, samples in added.items()]


def _cpu(app: ASGIApp, warm_up: list[str], tokens: list[str]) -> float:
    """Return the microseconds of CPU that each request takes."""
    if warm_up:
        repeated = [warm_up[number % len(warm_up)] for number in range(_WARM_UP)]
        asyncio.run(_send_all(app, [_scope(token) for token in repeated]))
    scopes = [_scope(token) for token in tokens]
    # What a server would have freed by then must not slow the collector down.
    gc.collect()
    gc.freeze()
    try:
        return asyncio.run(_send_all(app, scopes)) / len(tokens) * 1e6
    finally:
        gc.unfreeze()


async def _send_all(app: ASGIApp, scopes: list[Scope]) -> float:
    start = time.process_time()
    for scope in scopes:
        await app(scope, _receive, _send)
    return time.process_time() - start


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    del message


async def _check(app: ASGIApp) -> None:
    """Raise RuntimeError unless a request with a bad token is answered 401."""
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(_scope("e30.e30.e30"), _receive, send)
    if statuses != [401]:
        raise RuntimeError(f"a bad token was answered {statuses}, not 401")


def _scope(token: str) -> Scope:
    """Return a request as uvicorn hands it over."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": CLIENT_PREFIX + PATH,
        "raw_path": (CLIENT_PREFIX + PATH).encode("ascii"),
        "query_string": QUERY.encode("ascii"),
        "headers": [
            (b"host", b"api.example"),
            (b"user-agent", b"load/1.0"),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"gzip, br"),
            (b"x-request-id", b"7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642"),
            (b"authorization", b"Bearer " + token.encode("ascii")),
        ],
        "state": {},
    }
