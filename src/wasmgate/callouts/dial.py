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
    await asyncio.get_running_loop().create_connection(
        make, host, port, ssl=context, server_hostname=host if context else None
    )


async def dial_checked(
    make: Callable[[], asyncio.Protocol], host: str, port: int, context: ssl.SSLContext | None
) -> None:
    """Connect to the first checked address that accepts a connection; see `dial_by_name`.

    Raises AddressRefused, and OSError if every address refuses the connection.
    """
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
