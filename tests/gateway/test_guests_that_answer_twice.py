"""Modules of others that answer twice, or hold each other's answer: both forms of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import ask, both_forms, configuration, serve
from tests.native.hostile import written
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = both_forms

CHAINS = {
    "one that answers twice": (["twice"], 402, b"second"),
    "an answer that is held": (["pauseresp", "deny"], 504, None),
    "an answer that passes by": (["deny", "pauseresp"], 401, b""),
    "a response of the upstream that is held": (["pauseresp"], 504, None),
}


@pytest.mark.parametrize(("chain", "status", "body"), CHAINS.values(), ids=CHAINS)
async def test_the_client_has_its_answer_within_the_time_of_the_route(
    chain: list[str], status: int, body: bytes | None, tmp_path: Path
) -> None:
    """The later answer, or 504 when a policy never lets it go; the next request, too."""
    for name in chain:
        (tmp_path / f"{name}.wasm").write_bytes(written(f"second_answer_{name}"))
    policies = {name: {"module": str(tmp_path / f"{name}.wasm")} for name in chain}
    route = {"match": {"prefix": "/"}, "cluster": "site", "policies": chain, "timeout": "500ms"}
    async with ScriptedUpstream() as upstream:
        gateway = Gateway(configuration(upstream.url, policies=policies, routes=[route]))
        async with serve(gateway) as port:
            replies = [await ask(port) for _ in range(2)]
    assert [reply.status for reply in replies] == [status] * 2
    assert body is None or [reply.body for reply in replies] == [body] * 2
