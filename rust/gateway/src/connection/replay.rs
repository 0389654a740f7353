//! Requests that are sent once more, when the connection that they went to was closed.

use wasmgate_host::Progress;

use crate::connection::Step;
use crate::connection::in_flight::{InFlight, Upstream};
use crate::connection::output::{Chunk, Output};
use crate::exchange::upstream_head::UpstreamRequest;
use crate::http::framing::BodyFraming;
use crate::http::idempotence::{REPLAYED_BYTES, is_idempotent};

/// Room for what goes to the upstream of a request's body, in its framing. It is there while the
/// request can be sent once more: 1. the method may be repeated; 2. the upstream has sent nothing;
/// 3. all that it got is kept; 4. it was not sent twice.
pub(super) fn buffer(request: &UpstreamRequest) -> Option<Vec<u8>> {
    is_idempotent(request.method()).then(Vec::new)
}

impl InFlight {
    /// Keeps what goes on of the request's body, if the request can be sent once more.
    pub(super) fn keep_for_replay(&mut self, request: &Progress, chunk: Chunk<'_>) {
        let Upstream::Head { replay: Some(kept), .. } = &mut self.upstream else { return };
        let framing = self.exchange.upstream().map(|request| request.framing);
        if framing.is_none_or(|framing| framing == BodyFraming::Empty) {
            return;
        }
        let (writer, mut out) = (self.request.writer(), Output::default());
        writer.data(&mut out, &request.body, Chunk { at: None, ..chunk });
        if request.end {
            writer.end(out.own(), request.trailers.as_ref());
        }
        kept.append(out.own());
        if kept.len() > REPLAYED_BYTES
            && let Upstream::Head { replay, .. } = &mut self.upstream
        {
            *replay = None;
        }
    }

    /// True when the request can be sent once more over another connection.
    pub(super) fn may_retry(&self) -> bool {
        matches!(self.upstream, Upstream::Head { replay: Some(_), .. })
            && !self.response.has_begun()
    }

    /// Sends the request once more: its bytes so far, for a new connection to the same endpoint.
    pub(super) fn retry(&mut self, step: &mut Step) {
        let Upstream::Head { replay, .. } = &mut self.upstream else { return };
        if let (Some(request), Some(kept)) = (self.exchange.upstream(), replay.take()) {
            step.dial = Some((request.cluster, request.endpoint));
            step.upstream.begin(request);
            step.upstream.own().extend_from_slice(&kept);
            self.upstream = Upstream::asked(None);
        }
    }
}
