"""WebSocket connections to the gateway."""
