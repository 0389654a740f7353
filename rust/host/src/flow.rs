//! One direction of a stream: what has come, what is held, and where.

use crate::HeaderMap;

/// One direction.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Flow {
    pub(crate) headers: HeaderMap,
    /// A policy changed the headers since they came.
    pub(crate) changed: bool,
    /// The headers came from outside and run through the chain.
    pub(crate) begun: bool,
    /// The headers left the chain.
    pub(crate) passed: bool,
    /// Nothing follows the headers.
    pub(crate) headers_only: bool,
    pub(crate) trailers: Option<HeaderMap>,
    /// A policy changed, kept or joined body bytes in this step.
    pub(crate) rewritten: bool,
    /// Body bytes that came from outside.
    pub(crate) bytes: u64,
    /// Where the headers run: the position of the policy whose callback has them.
    pub(crate) at: Option<usize>,
}

/// What one policy holds back in one direction.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) stop: Stop,
    /// The body as the policy's body callback sees it.
    pub(crate) body: Vec<u8>,
    /// The body callback runs, so the buffer is there even when it is empty.
    pub(crate) open: bool,
    /// The direction ends with what is held here.
    pub(crate) end: bool,
    /// Trailers wait here.
    pub(crate) trailers: bool,
}

/// Where a policy stopped.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    #[default]
    No,
    /// At the headers: everything waits, and body bytes are kept without a callback, as in Envoy's
    /// `StopAllIteration`.
    Headers,
    /// At the body: it is kept, and the callback runs with all of it for each further chunk.
    Body,
    /// At the trailers.
    Trailers,
}

impl Gate {
    /// True while the policy may look at a body.
    pub(crate) fn shows_body(&self) -> bool {
        self.open || self.stop != Stop::No
    }
}
