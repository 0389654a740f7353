//! One direction of a stream: its headers, its buffered bodies, and where its policies stopped.

use crate::abi::enums::Action;
use crate::types::headers::HeaderMap;

/// The state of one direction.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct DirectionState {
    pub(crate) headers: HeaderMap,
    /// A policy changed the headers after they arrived.
    pub(crate) changed: bool,
    /// The position of the policy that last changed the headers.
    pub(crate) writer: Option<usize>,
    /// The headers have arrived and run through the chain.
    pub(crate) begun: bool,
    /// The headers have left the chain.
    pub(crate) passed: bool,
    /// The end of the direction has left the chain.
    pub(crate) ended: bool,
    /// There is neither body nor trailers.
    pub(crate) headers_only: bool,
    pub(crate) trailers: Option<HeaderMap>,
    /// A policy changed, buffered or joined body bytes in this step.
    pub(crate) rewritten: bool,
    /// The number of body bytes that have arrived.
    pub(crate) bytes: u64,
}

impl DirectionState {
    /// Records that a policy changed the headers.
    pub(crate) fn written(&mut self, by: usize) {
        self.changed = true;
        self.writer = Some(by);
    }
}

/// The state and the buffer of one policy in one direction.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct FilterState {
    pub(crate) iteration: Iteration,
    pub(crate) phase: Phase,
    /// The headers have reached this policy.
    pub(crate) seen: bool,
    /// The headers are at this policy: their callback runs, or they wait.
    pub(crate) headers: bool,
    /// The body that the policy's body callback sees.
    pub(crate) body: Vec<u8>,
    /// Body bytes before `body` that an earlier callback already saw.
    pub(crate) consumed_earlier: Vec<u8>,
    /// Bytes over the limit are not an error: their source waits.
    pub(crate) watermark: bool,
    /// The direction ends with the data buffered here.
    pub(crate) end: bool,
    /// The trailers wait at this policy.
    pub(crate) trailers: bool,
}

/// Where a policy stopped, in Envoy's terms.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    #[default]
    Continue,
    /// At the headers: everything waits, and body bytes are buffered without a callback (Envoy's
    /// `StopAllIteration…`).
    StoppedAll,
    /// At the headers only: the body callbacks run.
    StoppedHeaders,
    /// At the body: the callback runs for each further chunk.
    StoppedBody,
    /// At the trailers.
    StoppedTrailers,
    /// The policy ended this direction; later data is discarded.
    Ended,
}

/// The running callback of the policy, if it has a body or trailers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    None,
    Body,
    /// The body callback at the end of the body, which can add trailers.
    LastBody,
    Trailers,
}

impl FilterState {
    /// True while the policy is stopped and can continue.
    pub(crate) fn waits(&self) -> bool {
        !matches!(self.iteration, Iteration::Continue | Iteration::Ended)
    }

    /// True while body bytes are buffered without a callback, or discarded.
    pub(crate) fn is_shut(&self) -> bool {
        matches!(
            self.iteration,
            Iteration::StoppedAll | Iteration::StoppedTrailers | Iteration::Ended
        )
    }

    /// True while the policy may read a body.
    pub(crate) fn shows_body(&self) -> bool {
        matches!(self.phase, Phase::Body | Phase::LastBody) || self.waits()
    }

    /// True while the policy may change trailers.
    pub(crate) fn has_trailers(&self) -> bool {
        matches!(self.phase, Phase::LastBody | Phase::Trailers)
            || self.iteration == Iteration::StoppedTrailers
    }

    /// The number of buffered body bytes.
    pub(crate) fn held(&self) -> usize {
        self.consumed_earlier.len() + self.body.len()
    }

    /// Takes the whole buffer, and continues.
    pub(crate) fn release(&mut self) -> Self {
        let open = Self { seen: self.seen, ..Self::default() };
        std::mem::replace(self, open)
    }

    /// Takes all body bytes, in order.
    pub(crate) fn take_body(&mut self) -> Vec<u8> {
        let body = std::mem::take(&mut self.body);
        if self.consumed_earlier.is_empty() {
            return body;
        }
        let mut all = std::mem::take(&mut self.consumed_earlier);
        all.extend_from_slice(&body);
        all
    }

    /// Stops at the headers.
    pub(crate) fn stop_headers(&mut self, action: Action) {
        self.iteration = if action == Action::StopIteration {
            Iteration::StoppedHeaders
        } else {
            Iteration::StoppedAll
        };
        self.watermark = action == Action::StopAndWatermark;
    }

    /// Ends the direction at this policy, and discards its buffer.
    pub(crate) fn finish(&mut self) {
        *self = Self { iteration: Iteration::Ended, seen: true, ..Self::default() };
    }

    /// Stops at the body; with `end` the direction ends with it.
    pub(crate) fn stop_body(&mut self, action: Action, end: bool) {
        self.iteration = Iteration::StoppedBody;
        self.watermark = action != Action::StopAndBuffer;
        self.end |= end;
        match action {
            Action::StopAndWatermark => self.consumed_earlier = self.take_body(),
            Action::StopNoBuffer => self.body = Vec::new(),
            _ => self.body = self.take_body(),
        }
    }
}
