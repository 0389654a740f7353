"""The sockets that `wasmgate run` listens on."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys

import pytest

from wasmgate.cli.listener import ListeningAddress, listen


def accepted(listeners: list[socket.socket], port: int) -> int:
    """Connect once, and return how many of the listeners took the client."""
    count = 0
    with socket.create_connection(("127.0.0.1", port)):
        for listener in listeners:
            listener.settimeout(0.2)
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            client.close()
            count += 1
    return count


@pytest.mark.parametrize("sockets", [1, 4])
def test_one_listener_takes_a_client(sockets: int) -> None:
    """Also where several share the address; nothing listens when all are closed."""
    listening = listen("127.0.0.1", 0, sockets=sockets)
    listeners = listening.open(sockets)
    listening.close()
    port = listening.address[1]
    assert accepted(listeners, port) == 1
    for listener in listeners:
        listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the socket itself is sent")
def test_a_process_gets_sockets_of_its_own() -> None:
    """What is sent is the address."""
    listening = listen("127.0.0.1", 0, sockets=2)
    sent: ListeningAddress = pickle.loads(pickle.dumps(listening))  # noqa: S301 (our own)
    listeners = [*listening.open(1), *sent.open(1)]
    assert sent.address == listening.address
    assert len({listener.getsockname() for listener in listeners}) == 1
    for address in (listening, sent):
        address.close()
    for listener in listeners:
        listener.close()


_INHERITED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
from wasmgate.cli.listener import listen
print(listen("127.0.0.1", 1).address[1])
"""


def test_a_socket_of_systemd_is_used() -> None:
    """It is descriptor 3, and what the configuration says is not looked at (sd_listen_fds(3))."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = subprocess.run(
            [sys.executable, "-c", _INHERITED, str(listener.fileno())],
            env=os.environ | {"LISTEN_FDS": "1"},
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) == listener.getsockname()[1]
