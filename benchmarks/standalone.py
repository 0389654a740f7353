"""`wasmgate run` as it is measured for size: with so many routes, policies, threads and cores."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import swap
from gateways import Tokens
from generator import Generator
from processes import Server, cores, free_port
from tokens import Issuer
from work import CLIENT_PREFIX, PATH, QUERY, gateway_configuration
from work import chain as policies

from wasmgate.policy.artifacts import cache_folder

POLICIES = 3
CONNECTIONS = 32
FIELDS = 5  # of a request, beside Host
BODY = 128  # bytes of a response
# As many upstream connections as clients; a benchmark with more clients must set it.
_UPSTREAM_CONNECTIONS = 8192
_KNOWN_TOKENS = 100
_START_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a gateway is configured with."""

    routes: int = 1
    policies: int = POLICIES
    threads: int = 1


def configuration(shape: Shape, public_pem: str, *, port: int, upstream: str) -> str:
    """Return a gateway.yaml of this shape.

    The first three policies are those of all benchmarks; each one more sets a header.
    """
    made: dict[str, Any] = json.loads(
        gateway_configuration(public_pem, port=port, upstream=upstream)
    )
    route = made["routes"][0]
    names = route["policies"][: shape.policies]
    for number in range(POLICIES, shape.policies):
        settings = {"request_headers": {"set": {f"x-step-{number}": "passed"}}}
        made["policies"][f"step_{number}"] = {"module": "rewrite", "configuration": settings}
        names.append(f"step_{number}")
    made["policies"] = {name: made["policies"][name] for name in names}
    made["clusters"]["upstream"]["connections"] = _UPSTREAM_CONNECTIONS
    made["routes"] = [
        {**route, "policies": names, "match": {"prefix": _prefix(number)}}
        for number in range(shape.routes)
    ]
    return json.dumps(made)


def _prefix(route: int) -> str:
    return f"{CLIENT_PREFIX}{PATH}/{route:03}"


def targets(shape: Shape, *, size: int = BODY) -> list[str]:
    """Return a target for each route, whose response has `size` bytes."""
    return [f"{_prefix(number)}?{QUERY}&size={size}" for number in range(shape.routes)]


class Bench:
    """Clients, upstream, tokens and a folder for all that is measured in one run."""

    def __init__(self, folder: Path) -> None:
        issuer = Issuer()
        known = folder / "known.txt"
        known.write_text("\n".join(issuer.mint(_KNOWN_TOKENS)), "ascii")
        # Else the first gateways would run fast code, with a compiler beside them.
        swap.optimize(policies(issuer.public_pem), cache_folder())
        self.folder = folder
        self.gateway_cores, self.load_cores = cores()
        self.tokens = Tokens(public_pem=issuer.public_pem, known=known, new=known)

    def generator(self, *options: str, wanted: set[int] | None = None) -> Generator:
        """Start clients and upstream, beside the gateway's core unless told where."""
        return Generator(self.folder / "load", *options, wanted=wanted or self.load_cores)

    def server(self, shape: Shape, upstream: str, *, wanted: set[int] | None = None) -> Server:
        """Start a gateway, on its one core unless told where."""
        port = free_port()
        text = configuration(shape, self.tokens.public_pem, port=port, upstream=upstream)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        path = folder / "gateway.yaml"
        path.write_text(text, "utf-8")
        command = [sys.executable, "-m", "wasmgate", "run", str(path)]
        command += ["--threads", str(shape.threads), "--log-level", "error"]
        return Server(command, port=port, wanted=wanted or self.gateway_cores, log=folder / "log")

    def command(self, server: Server, shape: Shape, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (client.go's)
        """Return what the generator is told: the usual request, with changes."""
        size = changes.pop("size", BODY)
        usual = {
            "address": f"127.0.0.1:{server.port}",
            "targets": targets(shape, size=size),
            "tokens": str(self.tokens.known),
            "connections": CONNECTIONS,
        }
        return {**usual, **changes}


def wait_until_it_listens(server: Server) -> None:
    """Wait until every thread listens; before, one has all clients. Raises TimeoutError."""
    deadline = time.monotonic() + _START_SECONDS
    while "wasmgate listens" not in server.said():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it does not listen:\n{server.said()}")
        time.sleep(0.05)
