"""Which addresses the name of a callout's upstream may resolve to; the rules are the extension's.

The owner of a public name can point it at any address, also at this machine and its private
network, and can change it between two look-ups (DNS rebinding). So each resolved address is
checked, and the client connects to the checked address. HTTP calls resolve names in the extension;
`resolve` is for what connects by itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from wasmgate._native import check_address
from wasmgate.upstream import AddressRefused

__all__ = ["check", "resolve"]


def check(name: str, address: str) -> None:
    """Raise AddressRefused unless `name` may resolve to `address`."""
    refused = check_address(name, address)
    if refused is not None:
        raise AddressRefused(refused)


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
