"""`wasmgate run`: a real process, a real upstream."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

Start = Callable[..., "Running"]


class Upstream(BaseHTTPRequestHandler):
    """Answers with the path that it was asked for."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("content-length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Running:
    """The command while it runs, and where it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self.port = self._port()

    def _port(self) -> int:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            found = re.match(r"wasmgate listens on http://127\.0\.0\.1:(\d+) ", line)
            if found:
                return int(found[1])
        raise AssertionError("\n".join(self.said))

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        answer = response.status, response.read().decode()
        connection.close()
        return answer

    def stop(self, number: int) -> int:
        """Send a signal and return the exit code, negative for a signal."""
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def upstream() -> Iterator[str]:
    """Serve the upstream on a free port and return its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def config(tmp_path: Path, upstream: str) -> Path:
    """Write a gateway with a rewrite and a limit."""
    path = tmp_path / "gateway.yaml"
    path.write_text(f"""
listen: 127.0.0.1:0
policies:
  limit: {{module: rate_limit, configuration: {{limit: 2/hour}}}}
clusters:
  site: {{endpoints: ["{upstream}"]}}
routes:
  - {{match: {{prefix: /v1/}}, prefix_rewrite: /, cluster: site}}
  - {{match: {{prefix: /}}, cluster: site, policies: [limit]}}
""")
    return path


@pytest.fixture
def start(config: Path, tmp_path: Path) -> Iterator[Start]:
    """Start the command, and stop what the test leaves running."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-m", "wasmgate", "run", str(config), *arguments],
            env={"PATH": os.environ["PATH"], "WASMGATE_CACHE": str(tmp_path / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return Running(process)

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("options", [(), ("--asgi",)])
def test_it_forwards_requests_through_routes_and_policies(
    options: tuple[str, ...], start: Start
) -> None:
    """A rewritten path, and a third request that is one too many."""
    gateway = start(*options)
    answers = [gateway.get(path) for path in ("/v1/a?b=c", "/d", "/d", "/d")]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert [body for _, body in answers[:2]] == ["/a?b=c", "/d"]


def test_it_says_what_it_serves(start: Start) -> None:
    """One line, with the port that was free; at the first start also what is compiled."""
    first, gateway = start(), start("--threads", "2")
    assert first.said[0].startswith("INFO:     policy 'limit' is compiled (")
    assert gateway.said == [
        (
            f"wasmgate listens on http://127.0.0.1:{gateway.port} "
            "(routes: 2, policies: 1, workers: 1, threads: 2)"
        )
    ]


def test_the_app_is_served_for_comparison(start: Start) -> None:
    """It is said before anything else, and why."""
    said = start("--asgi").said
    assert said[0] == (
        "warning: --asgi is for comparison: uvicorn's protocol bounds no head, in bytes or in time"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--asgi",), ("--workers", "2")])
def test_a_signal_stops_it(number: int, options: tuple[str, ...], start: Start) -> None:
    """Ctrl-C and SIGTERM are clean ends, with one worker as with two."""
    gateway = start(*options)
    gateway.get("/v1/d")
    assert gateway.stop(number) == 0


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_a_signal_for_the_whole_group_is_a_clean_end(
    options: tuple[str, ...], start: Start
) -> None:
    """As systemd and a terminal send it, to the workers, too."""
    gateway = start(*options)
    os.killpg(gateway.process.pid, signal.SIGTERM)
    gateway.process.communicate(timeout=60)
    assert gateway.process.returncode == 0


ACCESS = r'127\.0\.0\.1:\d+ - "GET /v1/a\?token=\*\*\* HTTP/1\.1" 200'


@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--asgi",)])
def test_an_access_log_has_a_line_for_each_request(options: tuple[str, ...], start: Start) -> None:
    """On stdout, without secrets."""
    gateway = start("--access-log", *options)
    gateway.get("/v1/a?token=s3cret")
    gateway.process.send_signal(signal.SIGTERM)
    written, _ = gateway.process.communicate(timeout=60)
    assert len(re.findall(ACCESS, written)) == len(written.splitlines()) == 1


@pytest.mark.parametrize("options", [(), ("--no-access-log",)])
def test_there_is_no_access_log_unless_it_is_asked_for(
    options: tuple[str, ...], start: Start
) -> None:
    """A line costs as much as forwarding the request."""
    gateway = start(*options)
    gateway.get("/v1/a")
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.communicate(timeout=60)[0] == ""


def test_several_workers_serve_and_stop(start: Start) -> None:
    """With a warning that each counts by itself."""
    gateway = start("--workers", "2")
    assert gateway.get("/v1/a") == (200, "/a")
    assert gateway.said[0].startswith(
        "warning: policies.limit: each of the 2 workers has its own counters"
    )
    assert gateway.stop(signal.SIGTERM) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="it asks proc for the workers")
def test_a_worker_that_is_killed_is_replaced(start: Start) -> None:
    """By one that serves on."""
    gateway = start("--workers", "2")
    before = workers_of(gateway.process.pid)
    os.kill(before[-1], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while workers_of(gateway.process.pid) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)  # long enough for one that ends at its start
    after = workers_of(gateway.process.pid)
    time.sleep(1)
    assert (len(after), workers_of(gateway.process.pid)) == (len(before), after)
    assert gateway.get("/v1/a") == (200, "/a")
    assert gateway.stop(signal.SIGTERM) == 0


def workers_of(parent: int) -> list[int]:
    """Return the processes that a command has started, in their order."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    return [int(child) for child in children]


def test_workers_end_with_their_parent(start: Start) -> None:
    """Also when it is killed: nothing goes on listening."""
    gateway = start("--workers", "2")
    gateway.process.kill()
    deadline = time.monotonic() + 20
    refused = False
    while not refused and time.monotonic() < deadline:
        with socket.socket() as client:
            refused = client.connect_ex(("127.0.0.1", gateway.port)) == errno.ECONNREFUSED
        time.sleep(0.05)
    assert refused


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux deals clients out")
def test_clients_that_come_at_once_are_dealt_out(start: Start) -> None:
    """Each worker has a socket of its own."""
    gateway = start("--workers", "2")
    with contextlib.ExitStack() as clients:
        for _ in range(32):
            address = ("127.0.0.1", gateway.port)
            clients.enter_context(socket.create_connection(address))
        workers = served_by(gateway.process.pid, gateway.port)
    gateway.stop(signal.SIGTERM)
    assert (len(workers), sum(workers)) == (2, 32)


def served_by(parent: int, port: int) -> list[int]:
    """Count the clients of each worker that has any (proc_pid_net(5), proc_pid_fd(5))."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    deadline = time.monotonic() + 20
    counts: list[int] = []
    while sum(counts) < 32 and time.monotonic() < deadline:
        rows = [row.split() for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        accepted = [row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"]
        held = [
            {str(link.readlink()) for link in Path(f"/proc/{child}/fd").iterdir()}
            for child in children
        ]
        counts = [sum(f"socket:[{inode}]" in links for inode in accepted) for links in held]
        counts = [count for count in counts if count]
    return counts


def test_the_command_line_overrides_where_it_listens(start: Start) -> None:
    """`--port` for a moment's need."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert start("--host", "127.0.0.1", "--port", str(port)).port == port


def test_a_port_in_use_is_3(config: Path, wasmgate_process: Command) -> None:
    """The address, the reason and what to try."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = wasmgate_process("run", str(config), "--port", str(port))
    assert (done.returncode, done.stderr.splitlines()[1:]) == (
        3,
        [
            f"error: could not listen on 127.0.0.1:{port}: Address already in use",
            "  try:   another --port, or stop what listens there",
        ],
    )


def test_an_unknown_host_is_3(config: Path, wasmgate_process: Command) -> None:
    """The resolver's own words."""
    done = wasmgate_process("run", str(config), "--host", "nowhere.invalid")
    assert (done.returncode, "could not listen on nowhere.invalid:0" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cluster: site, policies", "cluster: sote, policies", "did you mean 'site'?"),
        ("2/hour", "nonsense", "policy 'limit'"),
    ],
)
def test_nothing_is_half_started(
    old: str, new: str, said: str, config: Path, wasmgate_process: Command
) -> None:
    """A mistake ends it before it listens."""
    config.write_text(config.read_text().replace(old, new))
    done = wasmgate_process("run", str(config))
    assert (done.returncode, said in done.stderr, "listens on" in done.stderr) == (1, True, False)


@pytest.mark.parametrize("options", [(), ("--asgi",), ("--workers", "2")])
def test_sighup_ends_nothing(options: tuple[str, ...], start: Start) -> None:
    """A line in the log of each process that got it, and all go on."""
    gateway = start(*options)
    parent = gateway.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    processes = [parent, *map(int, children)]
    for each in processes:
        os.kill(each, signal.SIGHUP)
    answers = [gateway.get("/v1/a") for _ in range(8)]
    assert answers == [(200, "/a")] * 8
    there = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    assert there == children
    gateway.process.send_signal(signal.SIGTERM)
    _, said = gateway.process.communicate(timeout=60)
    ignored = [line for line in said.splitlines() if "SIGHUP is ignored" in line]
    # Python's helper process for workers gets it, too, and has nothing to say.
    assert 0 < len(ignored) <= len(processes)


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_sighup_ends_nothing_while_a_gateway_stops(options: tuple[str, ...], start: Start) -> None:
    """Up to the last instruction: a stop is a success, whatever comes in between."""
    gateway = start(*options)
    gateway.process.send_signal(signal.SIGTERM)
    while gateway.process.poll() is None:
        gateway.process.send_signal(signal.SIGHUP)
    assert gateway.process.returncode == 0
