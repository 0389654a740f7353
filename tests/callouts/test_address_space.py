"""Every block of IANA's registries of special-purpose addresses, and what carries an IPv4 address.

The tables beside this file are those of
https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry-1.csv and
https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry-1.csv
as of 2025-10-09, with their footnotes' numbers.
"""

from __future__ import annotations

import csv
import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wasmgate.callouts.address_policy import check
from wasmgate.upstream import AddressRefused

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "iana"
Network = IPv4Network | IPv6Network
PUBLIC_NAME = "auth.example.com"
# RFC 4291 section 2.5.5.2: a socket for such an address connects over IPv4, to the address in it;
# and what the well-known prefix of RFC 6052 carries is judged as itself.
CARRIERS = {ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96")}


def registry() -> dict[Network, bool]:
    """Read each block, and whether the registry says that it is globally reachable."""
    blocks: dict[Network, bool] = {}
    for path in sorted(FOLDER.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                for block in row["Address Block"].split(", "):
                    reachable = row["Globally Reachable"] == "True"
                    blocks[ip_network(block.partition(" ")[0])] = reachable
    return blocks


REGISTRY = registry()


def expected(address: IPv4Address | IPv6Address) -> bool:
    """Say whether the most specific block that has it is reachable; outside of all it is."""
    around = [block for block in REGISTRY if address in block]
    return REGISTRY[max(around, key=lambda block: block.prefixlen)] if around else True


def samples(block: Network) -> list[IPv4Address | IPv6Address]:
    """Choose addresses of a block: its ends, some between, and those just outside."""
    first, last = int(block[0]), int(block[-1])
    seeded = random.Random(str(block))  # noqa: S311 (no secret)
    between = [seeded.randint(first, last) for _ in range(20)]
    numbers = {first, min(first + 1, last), max(last - 1, first), last, *between}
    if block.version == 4:
        top = 2**32 - 1
        return [IPv4Address(number) for number in numbers | {max(first - 1, 0), min(last + 1, top)}]
    return [IPv6Address(number) for number in numbers]


def is_refused(name: str, address: str) -> bool:
    """Tell what the judge says."""
    try:
        check(name, address)
    except AddressRefused:
        return True
    return False


def test_the_tables_are_whole() -> None:
    """One row of IPv4 has two blocks."""
    versions = [block.version for block in REGISTRY]
    assert (versions.count(4), versions.count(6)) == (26, 25)


@pytest.mark.parametrize("block", [block for block in REGISTRY if block not in CARRIERS], ids=str)
def test_a_public_name_leads_only_where_the_registry_says(block: Network) -> None:
    """Into blocks that are globally reachable, by the most specific line about an address."""
    multicast = ip_network("224.0.0.0/4")
    chosen = [address for address in samples(block) if address not in multicast]
    told = {str(address): not is_refused(PUBLIC_NAME, str(address)) for address in chosen}
    assert told == {str(address): expected(address) for address in chosen}


@pytest.mark.parametrize("block", ["::/8", "400::/6", "4000::/3", "e000::/4", "fec0::/10"])
def test_ipv6_is_public_in_global_unicast_alone(block: str) -> None:
    """Addresses that IANA has not assigned are refused."""
    network = IPv6Network(block)
    assert [
        address for address in samples(network) if not is_refused(PUBLIC_NAME, str(address))
    ] == []


def behind(prefix: str, length: int) -> Callable[[IPv4Address], IPv6Address]:
    """Put an address behind a prefix as RFC 6052 section 2.2 does: bits 64 to 71 stay zero."""

    def made(ip: IPv4Address) -> IPv6Address:
        bits = f"{int(IPv6Address(prefix)) >> 128 - length:0{length}b}{int(ip):032b}"
        if length < 96:
            bits = f"{bits[:64]}00000000{bits[64:]}"
        return IPv6Address(int(bits.ljust(128, "0"), 2))

    return made


FORMS: dict[str, Callable[[IPv4Address], IPv6Address]] = {
    "mapped": lambda ip: IPv6Address(f"::ffff:{ip}"),
    "compatible": lambda ip: IPv6Address(f"::{ip}"),
    "translated": lambda ip: IPv6Address(f"::ffff:0:{ip}"),
    "nat64": behind("64:ff9b::", 96),
    "nat64-local-48": behind("64:ff9b:1::", 48),
    "nat64-local-56": behind("64:ff9b:1:7700::", 56),
    "nat64-local-64": behind("64:ff9b:1:7701::", 64),
    "nat64-local-96": behind("64:ff9b:1:7701::", 96),
    "6to4": lambda ip: IPv6Address((0x2002 << 112) | (int(ip) << 80) | 1),
    "teredo-client": lambda ip: IPv6Address(
        int(IPv6Address("2001:0:5db8:d822::")) | (int(ip) ^ 0xFFFF_FFFF)
    ),
    "teredo-server": lambda ip: IPv6Address(
        int(IPv6Address("2001::8000:0:a247:27dd")) | (int(ip) << 64)
    ),
    "isatap-private": lambda ip: IPv6Address(f"2606:2800:220:1:0:5efe:{ip}"),
    "isatap-global": lambda ip: IPv6Address(f"2606:2800:220:1:200:5efe:{ip}"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "inner", ["10.0.0.1", "127.0.0.1", "192.168.7.9", "100.64.0.1", "198.18.0.1"]
)
def test_no_form_hides_an_address_of_a_private_network(form: str, inner: str) -> None:
    """A public name does not lead there."""
    assert is_refused(PUBLIC_NAME, str(FORMS[form](IPv4Address(inner))))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "inner", ["169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.7"]
)
def test_no_form_hides_metadata(form: str, inner: str) -> None:
    """No name leads there, also not one of a private network."""
    assert is_refused("auth.internal", str(FORMS[form](IPv4Address(inner))))


@pytest.mark.parametrize("form", ["mapped", "nat64", "isatap-private", "isatap-global"])
def test_a_form_of_a_public_address_is_public(form: str) -> None:
    """Where the form itself is meant for the internet."""
    check(PUBLIC_NAME, str(FORMS[form](IPv4Address("93.184.216.34"))))


def test_a_zone_does_not_hide_an_address() -> None:
    """Nor does it break the judge."""
    assert is_refused("auth.internal", f"{ip_address('fe80::1')}%eth0")
    assert is_refused(PUBLIC_NAME, "fd00::1%eth0")
