"""Guests of the differential test that are written as text: crashes, and seldom action codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.native.hostile import guest
from wasmgate import FailurePolicy, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PHASES = ("request_headers", "response_headers", "response_body", "request_body")
CRASHES = {
    f"crash-{phase}-{policy.value}-{request}".replace("_", "-"): (phase, policy, request)
    for phase in PHASES
    for policy in FailurePolicy
    for request in ("get", "head", "post", "grpc")
}
"""A request each, because a policy that has crashed is not what it was."""

# The codes of the C++ SDK, in `proxy_wasm_enums.h`.
_END_STREAM, _BUFFER_BODY, _BUFFER_ALL = 2, 1, 3
ENDS = {"ends-request": "request_headers", "ends-response": "response_headers"}
BUFFERS = {
    "buffers-request": ("request_body", _BUFFER_BODY),
    "buffers-response": ("response_body", _BUFFER_BODY),
    "buffers-all-of-request": ("request_headers", _BUFFER_ALL),
    "buffers-all-of-response": ("response_headers", _BUFFER_ALL),
}
"""They never let go of what they hold."""


def chains(folder: Path) -> dict[str, Sequence[Policy]]:
    """Return a chain of one policy for each name."""
    return dict(_chains(folder))


def _chains(folder: Path) -> Iterator[tuple[str, Sequence[Policy]]]:
    for name, (phase, policy, _) in CRASHES.items():
        module = _module(folder, phase, "unreachable")
        # In Envoy all modules of a VM crash together.
        yield name, [Policy(module, name="crash", vm_id=name, failure_policy=policy)]
    actions = BUFFERS | {name: (phase, _END_STREAM) for name, phase in ENDS.items()}
    for name, (phase, action) in actions.items():
        module = _module(folder, phase, f"(i32.const {action})")
        yield name, [Policy(module, name="acts")]


def _module(folder: Path, phase: str, body: str) -> Path:
    path = folder / f"{phase}-{''.join(filter(str.isalnum, body))}.wasm"
    text = f'(func (export "proxy_on_{phase}") (param i32 i32 i32) (result i32) {body})'
    path.write_bytes(guest(text))
    return path
