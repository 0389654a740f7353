"""The servers that get the same bytes: both forms of the gateway, and nginx where it is installed.

A lane is one of each, with separate upstreams, so that the requests of an upstream belong to one
input with any bytes. The lanes of a process share its event loop and one nginx.
"""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fuzz.findings import COMPARED
from tests.fuzz.outcomes import Outcome
from tests.fuzz.recorder import Client, Recorder
from tests.fuzz.sockets import Sockets
from tests.gateway.serving import FORMS, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from tests.fuzz.recorder import Answer

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")

_NGINX_MAIN = """
daemon off; master_process off; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  {servers} }}
"""
_NGINX_SERVER = """
  upstream u{port} {{ server 127.0.0.1:{upstream}; keepalive 4; }}
  server {{ listen 127.0.0.1:{port}; merge_slashes off;
    location / {{ proxy_pass http://u{port}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_set_header Host $http_host; }} }}
"""


INTERIM = re.compile(rb"HTTP/1\.1 1.*?\r\n\r\n", re.DOTALL)


@dataclass
class Subject:
    """A server under test, and its upstream."""

    name: str
    port: int
    upstream: Recorder
    client: Client

    def ask(self, data: bytes, response: bytes, patience: float) -> asyncio.Future[Answer]:
        """Send one input over a connection of its own."""
        if self.name == "nginx":
            # It takes an interim response for the last one, and waits for the end of its body.
            response = INTERIM.sub(b"", response)
        self.upstream.response = response
        self.upstream.seen = []
        return self.client.ask(self.port, data, patience)

    def outcome(self, answer: Answer) -> Outcome:
        """Return what the subject made of the last input."""
        came, end = answer
        return Outcome(tuple(self.upstream.seen), tuple(came), end)


@contextlib.asynccontextmanager
async def lanes(
    count: int, names: Collection[str] = COMPARED
) -> AsyncIterator[list[list[Subject]]]:
    """Start the data plane and the subjects with these names, `count` of each."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_signals_kept())
        sockets = Sockets()
        client = Client(sockets)
        turns = asyncio.create_task(client.count_turns())
        stack.callback(turns.cancel)
        stack.enter_context(sockets.running())

        forms = [form for form in FORMS if form == "direct" or form in names]
        servers = await stack.enter_async_context(_side_by_side(count * len(forms)))
        started: list[list[Subject]] = []
        for _ in range(count):
            lane = []
            for form in forms:
                recorder = Recorder(sockets)
                port = await _gateway(next(servers), form, recorder.port)
                lane.append(Subject(form, port, recorder, client))
            started.append(lane)
        if NGINX is not None and "nginx" in names:
            recorders = [Recorder(sockets) for _ in started]
            ports = stack.enter_context(_nginx([recorder.port for recorder in recorders]))
            for lane, port, recorder in zip(started, ports, recorders, strict=True):
                lane.append(Subject("nginx", port, recorder, client))
            await _listening(ports[-1])
        yield started


@contextlib.asynccontextmanager
async def _side_by_side(count: int) -> AsyncIterator[Iterator[contextlib.AsyncExitStack]]:
    """Give stacks that are closed all at once: a server takes a while to stop."""
    stacks = [contextlib.AsyncExitStack() for _ in range(count)]
    try:
        yield iter(stacks)
    finally:
        await asyncio.gather(*(stack.aclose() for stack in stacks))


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Put back the handlers that servers set: side by side they put back each other's."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


async def _gateway(stack: contextlib.AsyncExitStack, form: str, upstream: int) -> int:
    gateway = Gateway(configuration(f"http://127.0.0.1:{upstream}"))
    served = serve(gateway, http=FORMS[form], log_level="critical")
    return await stack.enter_async_context(served)


@contextlib.contextmanager
def _nginx(upstreams: list[int]) -> Iterator[list[int]]:
    """Run nginx on a free port before each upstream."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in upstreams]
        ports = [free.getsockname()[1] for free in held]
        servers = [
            _NGINX_SERVER.format(port=port, upstream=upstream)
            for port, upstream in zip(ports, upstreams, strict=True)
        ]
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(_NGINX_MAIN.format(folder=folder, servers="".join(servers)), "utf-8")
        for free in held:
            free.close()
        process = subprocess.Popen([str(NGINX), "-c", str(path), "-e", "/dev/null"])
        try:
            yield ports
        finally:
            process.terminate()
            process.wait()


async def _listening(port: int) -> None:
    """Wait until something listens."""
    while True:
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        await asyncio.sleep(0.05)
