"""`wasmgate run` with few descriptors: it serves those clients that it accepts, and recovers."""

from __future__ import annotations

import re
import selectors
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTORS, CLIENTS = 96, 160
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
GATEWAY = """
listen: 127.0.0.1:0
clusters: {{site: {{endpoints: ["http://127.0.0.1:{port}"], connections: 4}}}}
routes: [{{match: {{prefix: /}}, cluster: site}}]
"""
UPSTREAM = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def answered(clients: list[socket.socket], within: float) -> list[socket.socket]:
    """Return the clients that get an answer until none has come for `within` seconds."""
    found: list[socket.socket] = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while ready := selector.select(within):
            for key, _ in ready:
                ready_client = key.fileobj
                assert isinstance(ready_client, socket.socket)
                assert ready_client.recv(4096).startswith(b"HTTP/1.1 200 ")
                selector.unregister(ready_client)
                found.append(ready_client)
    return found


def test_few_descriptors(tmp_path: Path) -> None:
    """More clients than it can have wait until others leave, and each is answered 200."""
    limited = f'ulimit -n {DESCRIPTORS}; exec "$0" "$@"'
    with subprocess.Popen(
        [sys.executable, "-c", UPSTREAM], stdout=subprocess.PIPE, text=True
    ) as upstream:
        assert upstream.stdout is not None
        (tmp_path / "gateway.yaml").write_text(GATEWAY.format(port=int(upstream.stdout.readline())))
        command = [sys.executable, "-m", "wasmgate", "run", "gateway.yaml", "--threads", "2"]
        with subprocess.Popen(
            ["sh", "-c", limited, *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        ) as gateway:
            assert gateway.stderr is not None
            said = gateway.stderr.readline()
            while (listens := re.search(r"listens on http://127\.0\.0\.1:(\d+)", said)) is None:
                said = gateway.stderr.readline()
            address = ("127.0.0.1", int(listens[1]))
            waiting = [socket.create_connection(address) for _ in range(CLIENTS)]
            for client in waiting:
                client.sendall(REQUEST)
            rounds: list[int] = []
            until = time.monotonic() + 60
            while waiting and time.monotonic() < until:
                served = answered(waiting, within=1)
                rounds.append(len(served))
                for client in served:
                    client.close()
                    waiting.remove(client)
            gateway.terminate()
            lines = gateway.stderr.read().splitlines()
        upstream.terminate()
    assert (waiting, sum(rounds), len(rounds) > 1) == ([], CLIENTS, True)
    assert (gateway.returncode, len(lines) <= 2) == (0, True), lines
