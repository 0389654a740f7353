"""Which addresses a name may lead to.

Who answers for a public name may let it lead anywhere, to this machine and to the network behind it
as well, and may change that between two look-ups. So every address is checked, and the connection
goes to the address that was checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING

from wasmgate.callouts.address_space import embedded, is_public, is_unfit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["AddressRefused", "check", "dial_checked", "resolve"]

# Names that no public registry gives out: RFC 6761, RFC 6762, RFC 8375, ICANN's reservation of
# "internal", and those that ICANN will not delegate because private networks use them.
_INTERNAL = (
    *("localhost", "internal", "local", "home.arpa", "test"),
    *("corp", "home", "lan", "intranet", "private", "svc"),
)
# Where clouds answer with a machine's credentials, beside 169.254.169.254, which is link-local.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
            *("fd20:ce::254", "fd00:42::42", "fd00:c1::a9fe:a9fe"),
        ),
    )
)


class AddressRefused(Exception):
    """A name led to an address that it may not lead to; says why and what to write instead."""


def check(name: str, address: str) -> None:
    """Raise AddressRefused unless `name` may lead to `address`.

    A name that only a private network can have may lead to that network and to this machine; any
    other to public addresses alone. An IPv6 address that carries an IPv4 one is judged by both.
    None leads to link-local, multicast or unspecified addresses, or to a cloud's metadata service.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(is_unfit(reached) or reached in _METADATA for reached in (ip, *embedded(ip))):
        raise AddressRefused(
            f"{name} leads to {address}, a link-local, multicast, unspecified or metadata address:"
            " no name may"
        )
    if not (is_public(ip) or _internal(name)):
        raise AddressRefused(
            f"{name} leads to {address}, which is not public; if that is meant, put a cluster or"
            " the address itself in `net`"
        )


def _internal(name: str) -> bool:
    lower = name.lower().rstrip(".")
    return "." not in lower or any(lower.endswith(f".{suffix}") for suffix in _INTERNAL)


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the system's order: each one may be connected to.

    An address stands for itself. Raises AddressRefused, also when some of the addresses would do,
    and OSError when there is none.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            check(host, address)
        return addresses
    return [host]


async def dial_checked(
    make: Callable[[], asyncio.Protocol], host: str, port: int, context: ssl.SSLContext | None
) -> None:
    """Connect to the first address of the name that answers; a `wasmgate.upstream.Dial`."""
    addresses = await resolve(host, port)
    loop = asyncio.get_running_loop()
    for address in addresses:
        try:
            await loop.create_connection(
                make, address, port, ssl=context, server_hostname=host if context else None
            )
        except OSError:
            if address == addresses[-1]:
                raise
        else:
            return
    raise OSError(f"{host} has no address")
