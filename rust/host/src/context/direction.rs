//! One direction of a stream: what has come, what is held, and where.

use crate::abi::enums::Action;
use crate::types::headers::HeaderMap;

/// One direction.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct DirectionState {
    pub(crate) headers: HeaderMap,
    /// A policy changed the headers since they came.
    pub(crate) changed: bool,
    /// The policy that changed them last.
    pub(crate) writer: Option<usize>,
    /// The headers came from outside and run through the chain.
    pub(crate) begun: bool,
    /// The headers left the chain.
    pub(crate) passed: bool,
    /// The end left the chain.
    pub(crate) ended: bool,
    /// Nothing follows the headers.
    pub(crate) headers_only: bool,
    pub(crate) trailers: Option<HeaderMap>,
    /// A policy changed, kept or joined body bytes in this step.
    pub(crate) rewritten: bool,
    /// Body bytes that came from outside.
    pub(crate) bytes: u64,
}

impl DirectionState {
    /// A policy changed the headers.
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
    /// The headers have come here.
    pub(crate) seen: bool,
    /// The headers are here: their callback runs, or they wait.
    pub(crate) headers: bool,
    /// The body as the policy's body callback sees it.
    pub(crate) body: Vec<u8>,
    /// Body bytes that wait before those, and that the callback saw when they came.
    pub(crate) consumed_earlier: Vec<u8>,
    /// Bytes over the limit are not an error: their source waits.
    pub(crate) watermark: bool,
    /// The direction ends with what is held here.
    pub(crate) end: bool,
    /// Trailers wait here.
    pub(crate) trailers: bool,
}

/// Where a policy stopped, in Envoy's terms.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    #[default]
    Continue,
    /// At the headers: everything waits, and body bytes are kept without a callback (Envoy's
    /// `StopAllIteration…`).
    StoppedAll,
    /// At the headers alone: the body callbacks run.
    StoppedHeaders,
    /// At the body: the callback runs for each further chunk.
    StoppedBody,
    /// At the trailers.
    StoppedTrailers,
    /// It has ended the direction itself: what still arrives is dropped.
    Ended,
}

/// The callback of the policy that runs now, of those that have a body or trailers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    None,
    Body,
    /// The body callback with the end of the body: trailers can be added.
    LastBody,
    Trailers,
}

impl FilterState {
    /// True while the policy waits, and can continue.
    pub(crate) fn waits(&self) -> bool {
        !matches!(self.iteration, Iteration::Continue | Iteration::Ended)
    }

    /// True while body bytes are kept without a callback, or dropped.
    pub(crate) fn is_shut(&self) -> bool {
        matches!(
            self.iteration,
            Iteration::StoppedAll | Iteration::StoppedTrailers | Iteration::Ended
        )
    }

    /// True while the policy may look at a body.
    pub(crate) fn shows_body(&self) -> bool {
        matches!(self.phase, Phase::Body | Phase::LastBody) || self.waits()
    }

    /// True while the policy may change trailers.
    pub(crate) fn has_trailers(&self) -> bool {
        matches!(self.phase, Phase::LastBody | Phase::Trailers)
            || self.iteration == Iteration::StoppedTrailers
    }

    /// Body bytes that wait here.
    pub(crate) fn held(&self) -> usize {
        self.consumed_earlier.len() + self.body.len()
    }

    /// Takes the whole buffer, and ends the pause.
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

    /// Ends the direction here, and drops what was held.
    pub(crate) fn finish(&mut self) {
        *self = Self { iteration: Iteration::Ended, seen: true, ..Self::default() };
    }

    /// Stops at the body, which ends here if `end` is set.
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
