"""What bounds the upstream client: one frozen value, shared by all its pools."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLimits:
    """Bounds for each endpoint. Times are seconds, sizes bytes.

    Timeouts are checked ten times a second: each fires at most 0.2 s late, never early.
    """

    connections: int = 256
    """Open connections to one endpoint."""

    waiting: int = 1024
    """Requests that may wait for one of them; the next is refused at once."""

    connect: float = 5.0
    """To get a connection: the wait for a free one, DNS, TCP and TLS together."""

    read: float = 60.0
    """Between two signs of life of an upstream that owes us something."""

    idle: float = 4.0
    """How long an unused connection is kept. Below the 5 s after which uvicorn and Node.js
    close theirs, so that a request seldom meets a connection that is just being closed."""

    buffer: int = 65_536
    """Response bytes of a transport held for a slow client before it is asked for no more."""

    @property
    def bounds(self) -> tuple[int, int, float, float, float]:
        """The bounds of a pool as the extension takes them."""
        return self.connections, self.waiting, self.connect, self.read, self.idle
