"""How a connection to an endpoint is made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Dial", "dial_by_name"]


class Dial(Protocol):
    """Connects to a host and a port: what name resolution gives is for it to judge."""

    async def __call__(
        self,
        make: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        """Connect and give the transport to the protocol that `make` returns.

        With a `context` TLS is spoken and the certificate must be for `host`. Raises OSError.
        """


async def dial_by_name(
    make: Callable[[], asyncio.Protocol], host: str, port: int, context: ssl.SSLContext | None
) -> None:
    """Connect to whatever addresses the name has."""
    await asyncio.get_running_loop().create_connection(
        make, host, port, ssl=context, server_hostname=host if context else None
    )
