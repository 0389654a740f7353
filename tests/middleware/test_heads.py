"""After any change of a head by a policy an app gets requests and a client gets responses."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.heads import operations
from tests.gateway.serving import Client, serve
from tests.middleware.guests import guest
from wasmgate import PolicyMiddleware

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import Message, Receive, Scope, Send

PROGRAMS = list(operations())
LATEST = 60.0  # seconds
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
TARGET = re.compile(rb"/[^\s#]*|\*")
FRAMING = {b"content-length", b"transfer-encoding"}
FRAMED = re.compile(rb"\d+|chunked")
POST = b"POST /plain HTTP/1.1\r\nhost: %b\r\nx-id: 1\r\ncontent-length: 3\r\n\r\nabc"


class App:
    """An app that reads its request, keeps it, and answers in six bytes."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        more = True
        while more:
            message: Message = await receive()
            more = message.get("more_body", False)
        self.scopes.append(scope)
        fields = [(b"content-length", b"6"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"plain\n"})


class Hosts:
    """A middleware with one program for each host, around one app."""

    def __init__(self, app: App) -> None:
        self._inner = [
            PolicyMiddleware(app, policies=[guest(program, name=f"p{number}")])
            for number, program in enumerate(PROGRAMS)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over to the host's."""
        host = dict(scope["headers"])[b"host"]
        await self._inner[int(host[1 : host.index(b".")])](scope, receive, send)


async def answer(port: int, number: int) -> tuple[Any, ...]:
    """Return the status of a whole response, and what frames it; or that it was cut."""
    async with asyncio.timeout(LATEST), Client(port) as client:
        await client.send(POST % f"p{number}.test".encode())
        try:
            reply = await client.head()
            framing = [field for field in reply.fields if field[0] in FRAMING]
            if reply.status not in {204, 304} and framing == [(b"content-length", b"6")]:
                await client.reader.readexactly(6)
        except (ConnectionError, asyncio.IncompleteReadError):
            return ("cut", [])
        return (reply.status, framing)


@pytest.mark.timeout(300)
async def test_an_app_gets_requests_and_a_client_gets_responses(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid request is answered; an invalid response is 500."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))
    app = App()
    wrong: dict[str, object] = {}
    async with serve(Hosts(app), http="httptools") as port:
        for number, program in enumerate(PROGRAMS):
            app.scopes.clear()
            status, framing = await answer(port, number)
            sound = all(
                TOKEN.fullmatch(scope["method"]) and TARGET.fullmatch(scope["raw_path"])
                for scope in app.scopes
            )
            statuses = {200, 204, 304, 404} if app.scopes else set()
            known = status in statuses | {500, 503} or (status == "cut" and "length" in program)
            framed = len(framing) <= 1 and all(FRAMED.fullmatch(value) for _, value in framing)
            if not (sound and known and framed):
                wrong[program] = (status, framing, app.scopes)
    assert wrong == {}
