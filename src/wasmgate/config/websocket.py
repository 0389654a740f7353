"""WebSocket connections of a route, in gateway.yaml."""

from __future__ import annotations

from wasmgate.config.base import Model
from wasmgate.config.units import Duration, Size

__all__ = ["WebSocketSettings"]


class WebSocketSettings(Model):
    """Limits of a route's WebSocket connections."""

    idle_timeout: Duration = 300.0
    """Time without a byte in either direction; then both ends get close code 1001."""

    message_size: Size = 16 * 1024 * 1024
    """Bytes of one message as it is sent; for a larger one both ends get close code 1009."""
