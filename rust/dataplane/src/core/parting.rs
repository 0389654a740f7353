//! Connections to endpoints that end in an orderly way: those of WebSocket connections.

use std::time::Duration;

use crate::core::{Core, Due, Timer};
use crate::net::socket::Received;
use crate::upstream::UpstreamState;

/// How long the other end has to close its half, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one look drops of what the other end sends still.
const BUFFER: usize = 4 << 10;
/// Looks in one turn.
const LOOKS: usize = 16;

impl Core {
    /// Ends a connection once what was written is sent. What still comes is read and dropped: closing a
    /// socket with unread bytes resets the connection, and a reset can overtake a close frame.
    pub(crate) fn part(&mut self, key: usize) {
        let upstream = &mut self.upstreams[key];
        upstream.state = UpstreamState::Parting { ended: false };
        self.parting += 1;
        self.wheel.insert(self.now + PATIENCE, Timer::Parting(upstream.this));
        self.go_on_parting(key);
    }

    /// Says the end when everything is sent, and closes the connection when the other end has.
    pub(crate) fn go_on_parting(&mut self, key: usize) {
        let Some(upstream) = self.upstreams.get_mut(key) else { return };
        let UpstreamState::Parting { ended } = &mut upstream.state else { return };
        let socket = &mut upstream.socket;
        if socket.is_writable() && socket.waiting() > 0 && socket.flush().is_err() {
            return self.close_upstream(key);
        }
        if !*ended && socket.waiting() == 0 {
            *ended = true;
            socket.end();
        }
        for _ in 0..LOOKS {
            if !socket.is_readable() {
                return;
            }
            match socket.read(&mut [0; BUFFER]) {
                Received::Bytes(_) => {}
                Received::Nothing => return,
                Received::End | Received::Broken => return self.close_upstream(key),
            }
        }
        let this = upstream.this;
        self.due.push_back(Due::ReadUpstream(this));
    }
}
