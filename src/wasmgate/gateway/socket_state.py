"""What a socket knows about its other end although nobody reads from it."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["has_left"]

# The first byte of Linux's struct tcp_info, `tcpi_state` (linux/tcp.h, net/tcp_states.h).
_CLOSE, _CLOSE_WAIT = 7, 8


def has_left(transport: asyncio.Transport) -> bool:
    """Tell whether the other end has closed, where the system says so without reading."""
    raw = transport.get_extra_info("socket")
    if sys.platform != "linux" or raw is None or raw.family == socket.AF_UNIX:
        return False
    state = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] in {_CLOSE, _CLOSE_WAIT}
