"""The guest of `rust/fixtures/hostcalls`: its configuration is a program, a hostcall a line.

It logs each callback at level trace, and what each operation got at level info.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.native.chain_request import Request, load
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host, Plugin

MODULE = Path(__file__).parent.parent / "fixtures" / "hostcalls.wasm"
TRACE, INFO = 0, 2


def scripted(host: Host, *program: str, **options: Any) -> Plugin:  # noqa: ANN401 (as `load` has them)
    """Load the guest with a program."""
    return load(host, MODULE.read_bytes(), configuration="\n".join(program).encode(), **options)


def chain(host: Host, *program: str, **options: Any) -> Chain:  # noqa: ANN401 (as `load` has them)
    """Make a chain of the guest alone."""
    return Chain([scripted(host, *program, **options)])


def outcomes(request: Request) -> list[str]:
    """Return what the operations got, without their callback."""
    return [text.split(": ", 1)[1] for _, level, text in request.records if level == INFO]


def callbacks(request: Request) -> list[str]:
    """Return the callbacks in their order."""
    return [text for _, level, text in request.records if level == TRACE]


def ticked(policies: Chain) -> list[str]:
    """Wait for a tick and return what was said in it."""
    said: list[str] = []
    while not said:
        said = [text for _, _, text in policies.tick()[1].logs]
    return said


def asked(host: Host, *operations: str, **options: Any) -> list[str]:  # noqa: ANN401 (as `load` has them)
    """Perform operations in the request's headers and return what they got."""
    program = [f"request_headers: {operation}" for operation in operations]
    request = Request(chain(host, *program, **options))
    return [text.rsplit(" = ", 1)[1] for text in outcomes(request)]
