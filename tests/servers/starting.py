"""ASGI servers as processes, each on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
APP = "tests.servers.app:app"

SERVERS = {
    "uvicorn-httptools": "uvicorn --http httptools --host 127.0.0.1 --port {port} {app}",
    "uvicorn-h11": "uvicorn --http h11 --host 127.0.0.1 --port {port} {app}",
    "granian": "granian --interface asgi --host 127.0.0.1 --port {port} {app}",
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} {app}",
    "daphne": "daphne --bind 127.0.0.1 --port {port} {app}",
    "gunicorn": "gunicorn -k uvicorn_worker.UvicornWorker --bind 127.0.0.1:{port} {app}",
}


def free_port() -> int:
    """Return a port that nothing uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def started(
    command: str, cache: Path, log: Path, *, app: str = APP
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start a server; gives its port, not before it accepts connections, and its process."""
    port = free_port()
    arguments = command.format(port=port, app=app).split()
    environment = {**os.environ, "WASMGATE_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield port, process
        finally:
            process.terminate()
            process.wait(30)
