"""`wasmgate run`, beside an event loop that computes for two seconds at a time."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from wasmgate import Gateway
from wasmgate.cli.listener import listen
from wasmgate.cli.serving import Serving

BUSY = 2.0  # seconds


def compute() -> None:
    """Keep the loop, and Python's lock, for a while; then have the next turn but one."""
    until = time.monotonic() + BUSY
    while time.monotonic() < until:
        sum(range(10_000))
    asyncio.get_running_loop().call_later(0.01, compute)


def main() -> None:
    """Serve a configuration on a port, with one thread."""
    gateway = Gateway.from_file(Path(sys.argv[1]))
    serving = Serving(listening=listen("127.0.0.1", int(sys.argv[2]), sockets=1))
    serving.run(gateway, lambda: asyncio.get_running_loop().call_soon(compute))


main()
