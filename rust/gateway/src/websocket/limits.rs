//! What a WebSocket connection may take.

use std::time::Duration;

/// Bounds of the WebSocket connections of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// The time without a byte in either direction.
    pub idle: Duration,
    /// Bytes of one message as it is sent, in all of its frames.
    pub message: u64,
}

impl Default for WebSocketLimits {
    fn default() -> Self {
        Self { idle: Duration::from_mins(5), message: 16 << 20 }
    }
}
