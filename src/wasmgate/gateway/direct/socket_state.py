"""What asyncio's transports do not offer of their sockets."""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["has_left", "reset"]

# The first byte of Linux's struct tcp_info, `tcpi_state` (linux/tcp.h, net/tcp_states.h).
_CLOSE, _CLOSE_WAIT = 7, 8
_NO_LINGER = struct.pack("ii", 1, 0)  # struct linger (socket(7))


def has_left(transport: asyncio.Transport) -> bool:
    """Tell whether the other end has closed, where the system says so without reading."""
    raw = transport.get_extra_info("socket")
    if sys.platform != "linux" or raw is None or raw.family == socket.AF_UNIX:
        return False
    state = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] in {_CLOSE, _CLOSE_WAIT}


def reset(transport: asyncio.Transport) -> None:
    """Close so that the other end cannot take it for the end of what was sent."""
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.family != socket.AF_UNIX and not transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
