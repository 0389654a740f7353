"""Which addresses the name of a callout's upstream may resolve to.

The owner of a public name can point it at any address, also at this machine and its private
network, and can change it between two look-ups (DNS rebinding). So each resolved address is
checked, and the client connects to the checked address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from wasmgate.callouts.address_space import embedded, is_public, is_unfit
from wasmgate.upstream import AddressRefused

__all__ = ["check", "resolve"]

# Names that are not delegated in the public DNS: RFC 6761, RFC 6762, RFC 8375, ICANN's reservation
# of "internal", and names that ICANN will not delegate because private networks use them.
_INTERNAL = (
    *("localhost", "internal", "local", "home.arpa", "test"),
    *("corp", "home", "lan", "intranet", "private", "svc"),
)
# Metadata services of clouds beside 169.254.169.254, which is link-local: they give credentials.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
            *("fd20:ce::254", "fd00:42::42", "fd00:c1::a9fe:a9fe"),
        ),
    )
)


def check(name: str, address: str) -> None:
    """Raise AddressRefused unless `name` may resolve to `address`.

    A name that only a private network can have may resolve to private addresses and to this
    machine; any other name only to public addresses. Of an IPv6 address that embeds an IPv4
    address both are checked. Link-local, multicast and unspecified addresses and the metadata
    services of clouds are refused for every name.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(is_unfit(reached) or reached in _METADATA for reached in (ip, *embedded(ip))):
        raise AddressRefused(
            f"{name} resolves to {address}, a link-local, multicast, unspecified or metadata"
            " address, which is refused for every name"
        )
    if not (is_public(ip) or _internal(name)):
        raise AddressRefused(
            f"{name} resolves to {address}, which is not public; to allow it, put a cluster or"
            " the address itself in `net`"
        )


def _internal(name: str) -> bool:
    lower = name.lower().rstrip(".")
    return "." not in lower or any(lower.endswith(f".{suffix}") for suffix in _INTERNAL)


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a host and return its checked addresses in the order of the system's resolver.

    An IP address is returned unchanged and unchecked. Raises AddressRefused if one of the addresses
    is refused, and OSError if the name has no address.
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
