//! What a step of a stream asks of the layer above: values, never calls.

use std::borrow::Cow;
use std::sync::Arc;

use crate::types::callout::Callout;
use crate::types::headers::HeaderMap;
use crate::types::log_level::LogLevel;

/// What the layer above does after a step.
#[derive(Debug, Default)]
pub struct Effects {
    /// What goes on towards the upstream.
    pub request: Progress,
    /// What goes on towards the client; a head here before the upstream answered is a local
    /// response, and the request goes no further.
    pub response: Progress,
    /// Whether a policy holds back so much that no more is to be read.
    pub pressure: Pressure,
    /// It is too late for a clean answer: cut the client's connection.
    pub reset: bool,
    /// Ids of other streams that can go on: call [`crate::Stream::resume`] on each.
    pub wake: Vec<u64>,
    /// What the policies said.
    pub logs: Vec<LogRecord>,
    /// A tick period changed: ask [`crate::Chain::tick`] for the next deadline.
    pub timers: bool,
    /// What policies ask of others, to be performed in this order; the answers come with
    /// [`crate::deliver`].
    pub callouts: Vec<Callout>,
    /// Ids of callouts that were cancelled: their answers are dropped.
    pub cancelled: Vec<u64>,
}

impl Effects {
    /// True when something beside the stream's own progress is asked.
    #[must_use]
    pub fn is_noteworthy(&self) -> bool {
        self.timers
            || !self.wake.is_empty()
            || !self.logs.is_empty()
            || !self.callouts.is_empty()
            || !self.cancelled.is_empty()
    }

    /// Adds what another step asks beside its stream's own progress, and takes it from there.
    pub fn note(&mut self, other: &mut Self) {
        self.wake.append(&mut other.wake);
        self.logs.append(&mut other.logs);
        self.timers |= std::mem::take(&mut other.timers);
        self.callouts.append(&mut other.callouts);
        self.cancelled.append(&mut other.cancelled);
    }
}

/// Which directions are full: a policy that holds back a body asked for its source to wait once it
/// has as much as its limit `body` allows. What came already is taken all the same.
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
    /// The head, held or going on.
    pub head: Head,
    /// Body bytes that go on now.
    pub body: Body,
    /// Nothing follows in this direction.
    pub end: bool,
    /// Trailers that go on now; they end the direction.
    pub trailers: Option<HeaderMap>,
}

/// A head in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Head {
    /// Does not go on in this step: paused, or gone before.
    #[default]
    Held,
    /// Goes on now as it came.
    Unchanged,
    /// Goes on now, and a policy changed it.
    Changed,
}

/// Body bytes in a step.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// None go on.
    #[default]
    Nothing,
    /// The chunk that was passed in goes on as it is.
    Same,
    /// These go on instead.
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
    /// How grave it is.
    pub level: LogLevel,
    /// The text; not UTF-8 is replaced.
    pub message: String,
}
