//! A WebSocket connection after its handshake: bytes pass in both directions, and each end hears of
//! the other one's end.
//!
//! The ends negotiate subprotocols and extensions, and check each other's frames; of those only the
//! borders are read here. The exchange lasts until 1. close frames have passed in both directions,
//! 2. an end is gone, or 3. the gateway ends it.

use crate::connection::Step;
use crate::connection::in_flight::{InFlight, ResponseProgress};
use crate::connection::output::Chunk;
use crate::connection::tunnel::Tunnel;
use crate::connection::writer::switching_head;
use crate::websocket::close::{CLIENT_LEFT, Close, TOO_LARGE, UPSTREAM_FAILED};
use crate::websocket::limits::WebSocketLimits;

impl InFlight {
    /// Ends the handshake: sends 101, behind which frames follow.
    pub(super) fn switch(&mut self, limits: WebSocketLimits, step: &mut Step) {
        let out = step.client.own();
        self.exchange.with_response(|map, flow| switching_head(out, map, flow));
        self.response = ResponseProgress::Switched;
        self.tunnel = Some(Box::new(Tunnel::new(limits)));
        // The time of the route was for the handshake.
        step.timed = true;
        self.hold_upstream(false, step);
    }

    /// Has the upstream read no further while policies hold its 101: the bytes behind it are nobody's
    /// yet.
    pub(super) fn hold_upstream(&mut self, held: bool, step: &mut Step) {
        if self.pressure.response != held {
            self.pressure.response = held;
            step.pressure = true;
        }
    }

    /// Passes on what came with the handshake in either direction.
    pub(super) fn begin_tunnel(&mut self, of_client: &[u8], step: &mut Step) {
        let of_upstream = self.upstream.take_switched();
        self.pass_to_client(Chunk { bytes: &of_upstream, at: None }, step);
        self.pass_to_upstream(Chunk { bytes: of_client, at: None }, step);
    }

    /// Bytes came from the client.
    pub(super) fn pass_to_upstream(&mut self, chunk: Chunk<'_>, step: &mut Step) {
        let Some(tunnel) = self.open_tunnel() else { return };
        if !tunnel.from_client.pass(chunk, &mut step.upstream) {
            self.report_tunnel("a message of the client is larger than it may be", step);
            return self.end_tunnel(Some(TOO_LARGE), Some(TOO_LARGE), step);
        }
        self.end_if_closed(step);
    }

    /// Bytes came from the upstream.
    pub(super) fn pass_to_client(&mut self, chunk: Chunk<'_>, step: &mut Step) {
        let Some(tunnel) = self.open_tunnel() else { return };
        if !tunnel.from_upstream.pass(chunk, &mut step.client) {
            self.report_tunnel("a message of the upstream is larger than it may be", step);
            return self.end_tunnel(Some(TOO_LARGE), Some(TOO_LARGE), step);
        }
        self.end_if_closed(step);
    }

    /// The upstream is gone, for this reason.
    pub(super) fn lose_tunnel(&mut self, reason: &str, step: &mut Step) {
        let is_open = |its: &mut Tunnel| !its.from_upstream.frames.is_closed();
        if self.open_tunnel().is_some_and(is_open) {
            self.report_tunnel(reason, step);
        }
        self.upstream.abandon();
        self.end_tunnel(Some(UPSTREAM_FAILED), None, step);
    }

    /// The client is gone.
    pub(super) fn leave_tunnel(&mut self, step: &mut Step) {
        self.end_tunnel(None, Some(CLIENT_LEFT), step);
    }

    /// Ends both directions, with a close frame where there was none and one can stand.
    pub(super) fn end_tunnel(
        &mut self,
        for_client: Option<Close>,
        for_upstream: Option<Close>,
        step: &mut Step,
    ) {
        let Some(tunnel) = self.open_tunnel() else { return };
        if let Some(close) = for_client.filter(|_| tunnel.from_upstream.frames.is_between()) {
            step.client.own().extend_from_slice(&close.for_client());
        }
        if let Some(close) = for_upstream.filter(|_| tunnel.from_client.frames.is_between()) {
            step.upstream.own().extend_from_slice(&close.for_upstream());
        }
        self.response = ResponseProgress::Sent;
    }

    fn end_if_closed(&mut self, step: &mut Step) {
        if self.open_tunnel().is_some_and(|tunnel| tunnel.is_closed()) {
            self.end_tunnel(None, None, step);
        }
    }

    /// The WebSocket, until it has ended.
    fn open_tunnel(&mut self) -> Option<&mut Tunnel> {
        self.tunnel.as_deref_mut().filter(|_| self.response == ResponseProgress::Switched)
    }
}
