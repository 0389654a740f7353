"""HTTP calls by threads of the data plane: without the event loop, within one bound."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.callouts.places import REQUEST, Setting, answers, asking, welcomes_after, written
from tests.gateway.direct.gate import GET
from tests.gateway.direct.test_threads import served
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client, ask
from wasmgate import Gateway, GatewayConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

THREADS = 2
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def gateway(folder: Path, auth: str, site: str, name: str = "auth", **callouts: Any) -> Gateway:  # noqa: ANN401
    """Build a gateway with a policy that asks about each request, in 60 s.

    The upstream of its call is `name`: the cluster "auth", or host and port.
    """
    module = asking(folder, name, REQUEST, timeout=60_000)
    setting = Setting(module=module, clusters={"auth": auth}, net=(name,), callouts=callouts)
    return Gateway(GatewayConfig.model_validate(written(setting, site)))


@contextlib.contextmanager
def blocking_upstream() -> Iterator[str]:
    """Answer every request from threads, whatever the event loop does; gives the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield "http://{}:{}".format(*listener.getsockname())
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_answer, args=(client,), daemon=True).start()


def _answer(client: socket.socket) -> None:
    with client, contextlib.suppress(OSError):
        while client.recv(65_536):
            client.sendall(OK)


@pytest.mark.parametrize("name", ["auth", "127.0.0.1", "localhost"])
async def test_an_event_loop_that_is_stuck_holds_no_call_up(name: str, tmp_path: Path) -> None:
    """Requests whose policy asks a service are answered while the loop does nothing but compute."""
    statuses: list[int] = []

    def request(port: int) -> None:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(GET)
                statuses.append(int(client.recv(4096).split()[1]))

    with blocking_upstream() as auth, blocking_upstream() as site:
        upstream = name if name == "auth" else f"{name}:{auth.rpartition(':')[2]}"
        async with served(gateway(tmp_path, auth, site, upstream), THREADS) as (port, _):
            asking_ = threading.Thread(target=request, args=(port,))
            asking_.start()
            while asking_.is_alive():  # the loop has no turn meanwhile
                sum(range(10_000))
    assert statuses == [200] * 20


async def test_the_bound_is_exact_over_all_threads(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Of 24 requests on two threads six ask at once; the policy hears that the others may not."""
    released = asyncio.Event()
    async with (
        ScriptedUpstream(welcomes_after(released)) as auth,
        ScriptedUpstream(answers) as site,
        contextlib.AsyncExitStack() as stack,
        served(gateway(tmp_path, auth.url, site.url, per_policy=6), THREADS) as (port, _),
    ):
        clients = [await stack.enter_async_context(Client(port)) for _ in range(24)]
        for client in clients:
            await client.send(GET)
        replies = [asyncio.ensure_future(client.reply()) for client in clients]
        await auth.until(lambda: sum(reply.done() for reply in replies) == 18)
        assert len(auth.requests) == 6
        released.set()
        assert {reply.status for reply in await asyncio.gather(*replies)} == {200}
        refused = [line for line in said() if "was refused: 6 callouts of this policy" in line]
        assert len(refused) == 1
    assert sum("buffer 4 0 welcome" in line for line in said()) == 6


async def test_a_place_is_free_again_after_each_call(tmp_path: Path) -> None:
    """One place is enough for calls that come one after another."""
    async with ScriptedUpstream(answers) as auth, ScriptedUpstream(answers) as site:
        one = gateway(tmp_path, auth.url, site.url, in_flight=1)
        async with served(one, 1) as (port, _), Client(port) as client:
            for _ in range(5):
                await client.send(GET)
                assert (await client.reply()).status == 200
        assert len(auth.requests) == 5


async def test_a_refusal_after_dns_is_counted(
    tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Each time, like those of the host; the log has one line for a while."""
    async with ScriptedUpstream(answers) as site:
        # The system's resolver returns 127.0.0.1; the name is not a private one.
        one = gateway(tmp_path, site.url, site.url, "127.1:9")
        async with served(one, THREADS) as (port, _):
            assert [(await ask(port)).status for _ in range(3)] == [200] * 3
            async with asyncio.timeout(10):
                while one._host.denials() != [("guest", "net", "127.1:9", 3)]:
                    await asyncio.sleep(0.01)
    (line,) = [line for line in said() if line.startswith("PermissionDenied")]
    assert "may not reach '127.1:9' (capability net): 127.1 resolves to 127.0.0.1" in line
