"""What the IANA registries of special-purpose addresses say about an address (RFC 6890).

The tables are those of the registries for IPv4 and IPv6, as the tests have them with their source:
blocks that are not "Globally Reachable" (False, N/A or empty), and the reachable blocks within
them. IPv6 is public in 2000::/3 alone, the only range that is allocated as global unicast
(RFC 4291 section 2.4), so the registry's other blocks need no row.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["IP", "embedded", "is_public", "is_unfit"]

IP = IPv4Address | IPv6Address

_LOW_32 = 0xFFFF_FFFF


def _v4(*blocks: str) -> tuple[IPv4Network, ...]:
    return tuple(map(IPv4Network, blocks))


def _v6(*blocks: str) -> tuple[IPv6Network, ...]:
    return tuple(map(IPv6Network, blocks))


_NOT_REACHABLE_4 = _v4(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
    "224.0.0.0/4",  # multicast, of a registry of its own
)
_REACHABLE_4 = _v4("192.0.0.9/32", "192.0.0.10/32")
_NOT_REACHABLE_6 = _v6("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
_REACHABLE_6 = _v6(
    *("2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32", "2001:4:112::/48"),
    *("2001:20::/28", "2001:30::/28"),
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")

# Link-local, multicast, broadcast and "this network": no server listens on these addresses.
_UNFIT_4 = _v4("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32")
_UNFIT_6 = _v6("::/128", "fe80::/10", "ff00::/8")

_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291 section 2.5.5.2: the system connects over IPv4
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 section 2.5.5.1
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 7915, formerly RFC 2765 section 2.1
_TEREDO = IPv6Network("2001::/32")  # RFC 4380 section 4
_6TO4 = IPv6Network("2002::/16")  # RFC 3056 section 2
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214 section 6.1, an interface identifier's first half


def is_public(ip: IP) -> bool:
    """Return whether an address is globally reachable (RFC 6890), not in a private network."""
    if isinstance(ip, IPv4Address):
        return _has(_REACHABLE_4, ip) or not _has(_NOT_REACHABLE_4, ip)
    if ip in _MAPPED or ip in _NAT64:
        return is_public(_low(ip))
    if ip not in _GLOBAL_UNICAST:
        return False
    listed = _has(_NOT_REACHABLE_6, ip) and not _has(_REACHABLE_6, ip)
    return not listed and all(map(is_public, embedded(ip)))


def is_unfit(ip: IP) -> bool:
    """Return whether an address is link-local, multicast, broadcast or unspecified."""
    return _has(_UNFIT_4 if isinstance(ip, IPv4Address) else _UNFIT_6, ip)


def embedded(ip: IP) -> list[IPv4Address]:
    """Return the IPv4 addresses to which a packet for this IPv6 address may be translated."""
    if isinstance(ip, IPv4Address):
        return []
    number = int(ip)
    if ip in _6TO4:
        return [IPv4Address(number >> 80 & _LOW_32)]
    if ip in _TEREDO:
        return [IPv4Address(number >> 64 & _LOW_32), IPv4Address(~number & _LOW_32)]
    if ip in _NAT64_LOCAL:
        return _of_local_prefix(number)
    compatible = ip in _COMPATIBLE and number > 1  # 0 and 1 are `::` and `::1`
    isatap = (number >> 32 & _LOW_32) in _ISATAP
    if compatible or isatap or ip in _MAPPED or ip in _NAT64 or ip in _TRANSLATED:
        return [_low(ip)]
    return []


def _of_local_prefix(number: int) -> list[IPv4Address]:
    """Return the IPv4 addresses after a prefix of 48, 56, 64 and 96 bits (RFC 6052 section 2.2).

    Bits 64 to 71 are skipped.
    """
    tail = number & (1 << 80) - 1
    without_gap = tail >> 64 << 56 | tail & (1 << 56) - 1
    found = [IPv4Address(without_gap >> 40 - skipped & _LOW_32) for skipped in (0, 8, 16)]
    return [*found, IPv4Address(number & _LOW_32)]


def _low(ip: IPv6Address) -> IPv4Address:
    return IPv4Address(int(ip) & _LOW_32)


def _has(blocks: tuple[IPv4Network, ...] | tuple[IPv6Network, ...], ip: IP) -> bool:
    return any(ip in block for block in blocks)
