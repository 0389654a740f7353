//! Requests that are sent once more, when the connection that they went to was closed.

use wasmgate_host::Progress;

use crate::connection::output::{Chunk, Output};
use crate::connection::{Connection, Step, Upstream};
use crate::exchange::upstream_head::UpstreamRequest;
use crate::http::framing::BodyFraming;

/// Bytes of a body that are kept, to be sent again.
const BODY: usize = 64 << 10;

/// Methods that may be repeated (RFC 9110 §9.2.2).
const IDEMPOTENT: [&[u8]; 6] = [b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"];

/// What has gone to the upstream of a request's body, in its framing. It is there while the request can
/// be sent once more: the method may be repeated, the upstream has not said a word, all that it got
/// is kept, and it did not get it twice.
pub(super) fn begun(request: &UpstreamRequest) -> Option<Vec<u8>> {
    IDEMPOTENT.contains(&request.method()).then(Vec::new)
}

impl Connection {
    /// Keeps what goes on of the request's body.
    pub(super) fn keep(&mut self, request: &Progress, chunk: Chunk<'_>) {
        let framing = self.exchange.as_ref().and_then(|exchange| exchange.upstream());
        if framing.is_none_or(|request| request.framing == BodyFraming::Empty) {
            return;
        }
        let Some(mut kept) = self.replay.take() else { return };
        let mut out = Output::default();
        self.to_upstream.data(&mut out, &request.body, Chunk { at: None, ..chunk });
        if request.end {
            self.to_upstream.end(out.own(), request.trailers.as_ref());
        }
        kept.append(out.own());
        if kept.len() <= BODY {
            self.replay = Some(kept);
        }
    }

    /// True when the request can be sent once more over another connection.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        self.upstream.there && self.replay.is_some() && !self.response_begun
    }

    /// Sends the request once more: its bytes so far, for a new connection to the same endpoint.
    pub fn retry(&mut self) -> Step {
        let mut step = Step::default();
        let request = self.exchange.as_ref().and_then(|exchange| exchange.upstream());
        if let (Some(request), Some(kept)) = (request, self.replay.take()) {
            step.dial = Some((request.cluster, request.endpoint));
            step.upstream.begin(request);
            step.upstream.own().extend_from_slice(&kept);
            self.upstream = Upstream { there: true, ..Upstream::default() };
        }
        step
    }
}
