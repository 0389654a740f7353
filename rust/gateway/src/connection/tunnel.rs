//! What passed over a WebSocket connection.

use crate::connection::output::{Chunk, Output};
use crate::websocket::frames::Frames;
use crate::websocket::limits::WebSocketLimits;

/// What passed in each direction.
pub(super) struct Tunnel {
    pub(super) from_client: Direction,
    pub(super) from_upstream: Direction,
    pub(super) limits: WebSocketLimits,
}

pub(super) struct Direction {
    pub(super) frames: Frames,
    /// Bytes that went on.
    bytes: u64,
}

impl Direction {
    fn new(limits: WebSocketLimits) -> Self {
        Self { frames: Frames::new(limits.message), bytes: 0 }
    }

    /// Passes bytes on; false if a message is too large.
    pub(super) fn pass(&mut self, chunk: Chunk<'_>, out: &mut Output) -> bool {
        let passed = self.frames.read(chunk.bytes);
        let bytes = &chunk.bytes[..passed.length];
        self.bytes += (passed.held().len() + bytes.len()) as u64;
        out.own().extend_from_slice(passed.held());
        out.pass(Chunk { bytes, at: chunk.at });
        !passed.too_large
    }
}

impl Tunnel {
    pub(super) fn new(limits: WebSocketLimits) -> Self {
        Self { from_client: Direction::new(limits), from_upstream: Direction::new(limits), limits }
    }

    /// Bytes of the frames that the client sent, and that it was sent.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.from_client.bytes, self.from_upstream.bytes)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.from_client.frames.is_closed() && self.from_upstream.frames.is_closed()
    }
}
