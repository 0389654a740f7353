//! The effects of a step: what the layer above has to do, as values.

use std::borrow::Cow;
use std::sync::Arc;

use crate::types::callout::Callout;
use crate::types::headers::HeaderMap;
use crate::types::log_level::LogLevel;

/// What the layer above does after a step.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is forwarded to the upstream.
    pub request: Progress,
    /// What is forwarded to the client; a head before the upstream's response is a local
    /// response, and the request is not forwarded further.
    pub response: Progress,
    /// Whether a policy's buffer is so full that no more is to be read.
    pub pressure: Pressure,
    /// A response is no longer possible: close the client's connection.
    pub reset: bool,
    /// Ids of other streams that can continue: call [`crate::Stream::resume`] on each.
    pub wake: Vec<u64>,
    /// Log lines of the policies.
    pub logs: Vec<LogRecord>,
    /// A tick period changed: ask [`crate::Chain::tick`] for the next deadline.
    pub timers: bool,
    /// Callouts, to be performed in this order; deliver the responses with
    /// [`crate::deliver`].
    pub callouts: Vec<Callout>,
    /// Ids of callouts that were cancelled: their answers are dropped.
    pub cancelled: Vec<u64>,
}

impl Effects {
    /// True when there is something beside the stream's own progress.
    #[must_use]
    pub fn is_noteworthy(&self) -> bool {
        self.timers
            || !self.wake.is_empty()
            || !self.logs.is_empty()
            || !self.callouts.is_empty()
            || !self.cancelled.is_empty()
    }

    /// Takes what another step has beside its stream's own progress.
    pub fn note(&mut self, other: &mut Self) {
        self.wake.append(&mut other.wake);
        self.logs.append(&mut other.logs);
        self.timers |= std::mem::take(&mut other.timers);
        self.callouts.append(&mut other.callouts);
        self.cancelled.append(&mut other.cancelled);
    }
}

/// Which directions are full: a policy that buffers a body requested a watermark, and the buffer
/// has reached its limit `body`. Bytes that were read already are still accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Read no more of the request's body.
    pub request: bool,
    /// Read no more of the response's body.
    pub response: bool,
    /// This is not as it was after the step before.
    pub changed: bool,
}

/// How far one direction got in this step.
#[derive(Debug, Default)]
pub struct Progress {
    /// The head, paused or forwarded.
    pub head: Head,
    /// Body bytes that are forwarded now.
    pub body: Body,
    /// Nothing follows in this direction.
    pub end: bool,
    /// Trailers that are forwarded now; they end the direction.
    pub trailers: Option<HeaderMap>,
}

/// A head in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Head {
    /// Not forwarded in this step: paused, or forwarded before.
    #[default]
    Held,
    /// Forwarded now, unchanged.
    Unchanged,
    /// Forwarded now, changed by a policy.
    Changed,
}

/// Body bytes in a step.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// No bytes are forwarded.
    #[default]
    Nothing,
    /// The chunk that was passed in is forwarded unchanged.
    Same,
    /// These bytes are forwarded instead.
    Bytes(Vec<u8>),
}

/// A response that does not come from the upstream.
#[derive(Clone, Debug, Default)]
pub struct LocalResponse {
    /// The status code, 200 to 599.
    pub status: u16,
    /// Fields without `:status`.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
    /// Why, in a word: `response.code_details`.
    pub details: Cow<'static, str>,
}

/// One line of a policy, or of the host about it.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// The policy's name.
    pub policy: Arc<str>,
    /// Its level.
    pub level: LogLevel,
    /// The text; bytes that are not UTF-8 are replaced.
    pub message: String,
}
