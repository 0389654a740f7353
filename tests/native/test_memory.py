"""Memory: what was loaded and dropped is given back."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from tests.native.scripted import chain
from wasmgate._native import Chain, held_bytes, kept_streams

if TYPE_CHECKING:
    from wasmgate._native import Host

MEGABYTE = 1 << 20


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


def reload(host: Host, times: int) -> None:
    """Load a policy, serve a request, and drop it."""
    for _ in range(times):
        Request(chain(host)).close()
    gc.collect()


def test_fifty_reloads_of_a_policy_leave_nothing_behind(host: Host) -> None:
    """Each instance goes with its plugin."""
    reload(host, 10)
    before = resident()
    reload(host, 50)
    assert resident() - before < 8 * MEGABYTE


def test_streams_leave_nothing_behind(host: Host) -> None:
    """Their places are used again."""
    policies = chain(host)
    fields = [(b"x-%d" % number, b"y" * 100) for number in range(20)]

    def serve(times: int) -> None:
        for _ in range(times):
            Request(policies, headers=fields).response(200, fields).close()

    serve(200)
    before = resident()
    serve(2000)
    assert resident() - before < 4 * MEGABYTE


def test_what_a_stream_has_is_counted_while_it_is_open(host: Host) -> None:
    """A stream, its context in the guest, and the bytes that the policy holds back."""
    pauses = "(param i32 i32 i32) (result i32) (i32.const 1)"
    policy = load(host, guest(f'(func (export "proxy_on_response_body") {pauses})'))
    # Other tests of this process may still have theirs.
    streams, held = kept_streams(), held_bytes()
    request = Request(Chain([policy])).response().response_body(b"abc")
    assert (kept_streams() - streams, host.contexts(), held_bytes() - held) == (1, 1, 3)
    request.close()
    assert (kept_streams(), host.contexts(), held_bytes()) == (streams, 0, held)
