"""The servers that get the same bytes: both forms of the gateway, and nginx where it is installed.

A lane is one of each, with upstreams of their own, so that what an upstream saw belongs to one
input whatever its bytes are. The lanes of a process share its event loop and one nginx.
"""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fuzz.outcomes import Outcome
from tests.fuzz.recorder import Recorder, replies
from tests.gateway.serving import FORMS, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

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


@dataclass
class Subject:
    """A server under test, and its upstream."""

    name: str
    port: int
    upstream: Recorder

    async def answer(self, data: bytes, response: bytes, patience: float) -> Outcome:
        """Send one input over a connection of its own."""
        self.upstream.response = response
        self.upstream.seen.clear()
        came, end = await replies(self.port, data, patience)
        return Outcome(tuple(self.upstream.seen), tuple(came), end)


@contextlib.asynccontextmanager
async def lanes(count: int) -> AsyncIterator[list[list[Subject]]]:
    """Start every subject of `count` lanes once."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_signals_kept())
        servers = await stack.enter_async_context(_side_by_side(count * len(FORMS)))
        started = [[await _gateway(next(servers), name) for name in FORMS] for _ in range(count)]
        if NGINX is not None:
            recorders = [Recorder() for _ in started]
            upstreams = [await _upstream(stack, recorder) for recorder in recorders]
            ports = stack.enter_context(_nginx(upstreams))
            for lane, port, recorder in zip(started, ports, recorders, strict=True):
                lane.append(Subject("nginx", port, recorder))
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


async def _gateway(stack: contextlib.AsyncExitStack, form: str) -> Subject:
    recorder = Recorder()
    gateway = Gateway(configuration(f"http://127.0.0.1:{await _upstream(stack, recorder)}"))
    served = serve(gateway, http=FORMS[form], log_level="critical")
    return Subject(form, await stack.enter_async_context(served), recorder)


async def _upstream(stack: contextlib.AsyncExitStack, recorder: Recorder) -> int:
    port = await recorder.start()
    stack.callback(recorder.server.close)
    return port


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
