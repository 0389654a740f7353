"""How a connection of a callout is made that is not one for HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmgate.callouts.address_policy import resolve

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["dial_by_name", "dial_checked"]


async def dial_by_name(
    make: Callable[[], asyncio.Protocol], host: str, port: int, context: ssl.SSLContext | None
) -> None:
    """Connect to the first address of the host that accepts a connection.

    The transport goes to the protocol that `make` returns. With a `context` TLS is spoken and the
    certificate must be for `host`. Raises OSError.
    """
    await _connect(make, host, port, context, host)


async def dial_checked(
    make: Callable[[], asyncio.Protocol], host: str, port: int, context: ssl.SSLContext | None
) -> None:
    """Connect to the first checked address that accepts a connection; see `dial_by_name`.

    Raises AddressRefused, and OSError if every address refuses the connection.
    """
    addresses = await resolve(host, port)
    for address in addresses:
        try:
            await _connect(make, address, port, context, host)
        except OSError:
            if address == addresses[-1]:
                raise
        else:
            return
    raise OSError(f"{host} has no address")


async def _connect(
    make: Callable[[], asyncio.Protocol],
    address: str,
    port: int,
    context: ssl.SSLContext | None,
    host: str,
) -> None:
    """Connect to an address; with a `context` its certificate must be for `host`."""
    await asyncio.get_running_loop().create_connection(
        make, address, port, ssl=context, server_hostname=host if context else None
    )
