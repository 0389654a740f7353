"""Which addresses a name may lead to, and that the connection goes to what was judged."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from wasmgate.callouts.address_policy import check, resolve
from wasmgate.callouts.dial import dial_checked
from wasmgate.upstream import AddressRefused

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = [
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1"),
    *("ff02::1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
]
PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1"),
    *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"),
]
PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"]
INTERNAL_NAMES = ["auth", "localhost", "auth.internal", "AUTH.Internal.", "a.svc", "x.home.arpa"]
PUBLIC_NAMES = ["auth.example.com", "internal.example.com", "notinternal.com", "auth.ns"]


@pytest.mark.parametrize("name", [*INTERNAL_NAMES, *PUBLIC_NAMES])
@pytest.mark.parametrize("address", NEVER)
def test_no_name_leads_to_metadata(name: str, address: str) -> None:
    """Nor to any other address of the link, nor to many at once."""
    with pytest.raises(AddressRefused, match="link-local, multicast, unspecified or metadata"):
        check(name, address)


@pytest.mark.parametrize("name", PUBLIC_NAMES)
@pytest.mark.parametrize("address", PRIVATE)
def test_a_public_name_does_not_lead_inside(name: str, address: str) -> None:
    """And the message says what to write instead."""
    with pytest.raises(AddressRefused, match="put a cluster or the address itself in `net`"):
        check(name, address)


@pytest.mark.parametrize("name", INTERNAL_NAMES)
@pytest.mark.parametrize("address", PRIVATE)
def test_an_internal_name_leads_inside(name: str, address: str) -> None:
    """That is what it was written for."""
    check(name, address)


@pytest.mark.parametrize("name", [*INTERNAL_NAMES, *PUBLIC_NAMES])
@pytest.mark.parametrize("address", PUBLIC)
def test_every_name_leads_to_public_addresses(name: str, address: str) -> None:
    """In every notation."""
    check(name, address)


def answering(*addresses: str) -> Callable[..., Any]:
    """Stand in for the resolver: no public name leads to this machine."""

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        entries: list[tuple[Any, ...]] = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            entries.append((family, socket.SOCK_STREAM, 6, "", (address, port)))
        return entries

    return getaddrinfo


class Resolved(asyncio.SelectorEventLoop):
    """An event loop whose resolver a test answers for."""

    answers: tuple[str, ...] = ()

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:  # noqa: ANN401
        """Answer for the test."""
        return await answering(*self.answers)(host, port)


def resolved(*addresses: str) -> asyncio.Runner:
    """Return a runner whose names lead to `addresses`."""

    def loop() -> Resolved:
        made = Resolved()
        made.answers = addresses
        return made

    return asyncio.Runner(loop_factory=loop)


def test_one_bad_address_refuses_the_name() -> None:
    """A name that mixes them is an attempt to reach the private one."""
    with resolved("93.184.216.34", "127.0.0.1") as runner, pytest.raises(AddressRefused):
        runner.run(resolve("auth.example.com", 80))


def test_an_address_is_its_own_word() -> None:
    """An address in the configuration is intended."""
    with resolved("93.184.216.34") as runner:
        assert runner.run(resolve("169.254.169.254", 80)) == ["169.254.169.254"]


def test_the_connection_goes_to_the_judged_address() -> None:
    """No second look-up: the name would lead elsewhere by then."""

    async def go() -> tuple[str, list[str]]:
        loop = asyncio.get_running_loop()
        async with ScriptedUpstream() as upstream:
            asked: list[str] = []
            inner = loop.getaddrinfo

            async def once(host: Any, port: Any, **rest: Any) -> Any:  # noqa: ANN401
                asked.append(host)
                return await inner(host, port, **rest)

            loop.getaddrinfo = once  # type: ignore[method-assign]
            made: list[Peer] = []

            def make() -> Peer:
                made.append(Peer())
                return made[-1]

            await dial_checked(make, "auth.internal", upstream.port, None)
            await upstream.until(lambda: upstream.open == 1)
            address: str = made[-1].transport.get_extra_info("peername")[0]
            made[-1].transport.close()
            return address, [host for host in asked if host == "auth.internal"]

    with resolved("127.0.0.1") as runner:
        assert runner.run(go()) == ("127.0.0.1", ["auth.internal"])


def test_the_next_address_is_tried() -> None:
    """When one does not answer."""

    async def go() -> str:
        async with ScriptedUpstream() as upstream:
            peer = Peer()
            await dial_checked(lambda: peer, "auth.internal", upstream.port, None)
            address: str = peer.transport.get_extra_info("peername")[0]
            peer.transport.close()
            return address

    with resolved("127.0.0.2", "127.0.0.1") as runner:
        assert runner.run(go()) == "127.0.0.1"


def test_nobody_answers() -> None:
    """Then the last failure is the answer."""
    with resolved("127.0.0.2") as runner, pytest.raises(ConnectionRefusedError):
        runner.run(dial_checked(asyncio.Protocol, "auth.internal", 9, None))


class Peer(asyncio.Protocol):
    """Keeps its transport."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self.transport = transport  # type: ignore[assignment]
