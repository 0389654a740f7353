"""Versions of HTTP in a request line, under each real server: what it decides, and what we do."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.servers.starting import SERVERS, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# h11 gives any number to the app. The other parsers refuse the line themselves.
BY_APP = {"uvicorn-h11", "hypercorn"}


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, artifacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int, Path]]:
    """Start a server; gives its name, its port and where it logs."""
    log = tmp_path_factory.mktemp("server") / "log"
    with started(SERVERS[request.param], artifacts, log) as (port, _):
        yield request.param, port, log


def status(port: int, path: str, version: str) -> int:
    """Send a request line with a version, and return the status of the answer."""
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(
            f"GET {path} HTTP/{version}\r\nhost: gate.test\r\nconnection: close\r\n\r\n".encode()
        )
        line = client.makefile("rb").readline()
    return int(line.split(b" ")[1])


@pytest.mark.parametrize("path", ["/marks/", "/gate/site/"])
@pytest.mark.parametrize("version", ["9.9", "4.0"])
def test_a_version_that_http_has_not(
    server: tuple[str, int, Path], path: str, version: str
) -> None:
    """505 where the server leaves it to the app; and nothing is logged as an error of the app."""
    name, port, log = server
    assert status(port, path, version) == (505 if name in BY_APP else 400)
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("path", ["/marks/", "/gate/site/"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_version_that_http_has(server: tuple[str, int, Path], path: str, version: str) -> None:
    """However the server writes it: granian's 1.0 is "1"."""
    _, port, _ = server
    assert status(port, path, version) == 200
