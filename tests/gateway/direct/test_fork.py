"""A forked process has none of the threads that served."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, os, socket, sys
from wasmgate.gateway import Gateway
from wasmgate.gateway.standalone import Server
from tests.gateway.serving import configuration

async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(Gateway(configuration("http://127.0.0.1:9")), [[listener]]).start()
    child = os.fork()
    if child == 0:
        for use in (server.report, server.pending_callouts, lambda: server.drain(0)):
            try:
                use()
            except RuntimeError as error:
                print(str(error).partition(":")[0], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("the parent serves", server.report()[0], flush=True)
    server.drain(0)
    await server.wait()

asyncio.run(main())
"""


def test_a_forked_process_is_told_so() -> None:
    """Each use is an error, and none hangs; the parent goes on."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = "threads of the data plane do not go on in a forked process"
    assert (done.stdout.splitlines(), done.stderr) == ([told] * 3 + ["the parent serves 0"], "")
