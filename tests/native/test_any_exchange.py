"""Both bodies arrive whole and in order, whenever policies pause and continue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.chain_request import Request
from tests.native.scripted import scripted
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._native import Plugin

LET_GO = ("done: all resume request", "done: all resume response")
"""The end of any stream of the policy lets all others go on."""

HABITS: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "both bodies to their end": (
        "request_body: pause_until_end",
        "response_body: pause_until_end",
    ),
    "the request": ("request_headers: pause", *LET_GO),
    "the response": ("response_headers: pause", *LET_GO),
    "each part of the request": ("request_body: pause", *LET_GO),
    "each part of the response": ("response_body: pause", *LET_GO),
    "the trailers": ("response_trailers: pause", *LET_GO),
    "everything": (
        *(
            f"{phase}: pause"
            for phase in (
                "request_headers",
                "request_body",
                "response_headers",
                "response_body",
                "response_trailers",
            )
        ),
        *LET_GO,
    ),
}


@pytest.fixture(scope="module")
def policies(artifacts: Path) -> dict[str, Plugin]:
    """Load a policy of each habit, once for all examples."""
    host = Host(cache=str(artifacts), log_level=5)
    return {habit: scripted(host, *HABITS[habit], name=str(n)) for n, habit in enumerate(HABITS)}


def nudge(plugins: list[Plugin], request: Request) -> None:
    """End another stream of each policy, which lets this one go on."""
    for plugin in plugins:
        Request(Chain([plugin])).close()
    request.resume()


CHUNKS = st.lists(st.binary(max_size=5), min_size=1, max_size=4)
# Between two parts: how often the policies are told to let go.
NUDGES = st.lists(st.integers(0, 2), min_size=12, max_size=12)


@settings(deadline=None)
@given(
    habits=st.lists(st.sampled_from(sorted(HABITS)), max_size=3, unique=True),
    asked=CHUNKS,
    answered=CHUNKS,
    nudges=NUDGES,
    trailers=st.booleans(),
)
def test_both_bodies_arrive_whole(
    policies: dict[str, Plugin],
    habits: list[str],
    asked: list[bytes],
    answered: list[bytes],
    nudges: list[int],
    *,
    trailers: bool,
) -> None:
    """No byte is lost, doubled or early, and each direction ends."""
    plugins = [policies[habit] for habit in habits]
    turns = iter(nudges)
    request = Request(Chain(plugins), method="POST", headers=[(b"transfer-encoding", b"chunked")])

    def pause() -> None:
        for _ in range(next(turns)):
            nudge(plugins, request)
        assert b"".join(asked).startswith(request.upstream.body)
        assert b"".join(answered).startswith(request.client.body)
        assert request.upstream.body == b"" or request.passed
        assert request.client.body == b"" or request.status == 200

    for number, chunk in enumerate(asked):
        request.request_body(chunk, end=number == len(asked) - 1)
        pause()
    for _ in range(8):
        nudge(plugins, request)
    assert (request.passed, request.upstream.body) == (True, b"".join(asked))
    assert request.upstream.ended
    request.response(200)
    for number, chunk in enumerate(answered):
        last = number == len(answered) - 1 and not trailers
        request.response_body(chunk, end=last)
        pause()
    if trailers:
        request.response_trailers([(b"x-sum", b"1")])
    for _ in range(8):
        nudge(plugins, request)
    assert (request.status, request.client.body) == (200, b"".join(answered))
    assert (request.client.ended, request.client.trailers) == (
        True,
        [(b"x-sum", b"1")] if trailers else None,
    )
    request.close()
