//! What happened between a host and its guests, callback by callback and hostcall by hostcall, for
//! a person who asks why. A host records nothing until it is told to.

mod arguments;
mod callback;
mod hostcall;
mod text;
mod words;

pub(crate) use arguments::Number;
pub(crate) use callback::{Called, Gives, Seen};
pub(crate) use hostcall::{hostcall, unsupported};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How much is recorded, and whether secrets are shown.
#[derive(Clone, Copy, Debug)]
pub struct TraceLimits {
    /// Events that are kept; later ones are counted.
    pub events: usize,
    /// Bytes of text in all of them.
    pub bytes: usize,
    /// Bytes of one value; a longer one is cut.
    pub value: usize,
    /// Show what is masked otherwise: configurations, passwords, what foreign functions take and
    /// give, and the values of `authorization`, `proxy-authorization`, `cookie` and `set-cookie`.
    pub secrets: bool,
    /// Keep the events of this stream alone.
    pub stream: Option<u64>,
}

impl Default for TraceLimits {
    fn default() -> Self {
        Self { events: 10_000, bytes: 4 << 20, value: 256, secrets: false, stream: None }
    }
}

/// One callback or one hostcall.
#[derive(Clone, Debug)]
pub struct TraceEvent {
    /// A hostcall of the callback before it; false: a callback.
    pub hostcall: bool,
    /// The policy's name.
    pub policy: Arc<str>,
    /// The stream, if the context belongs to one.
    pub stream: Option<u64>,
    /// The context: of a callback the one that it is for, of a hostcall the one that it acts on.
    pub context: u32,
    /// The function's name in the ABI.
    pub name: String,
    /// What went in: names as in the ABI, values as text.
    pub arguments: Vec<(&'static str, String)>,
    /// What came out beside the outcome.
    pub results: Vec<(&'static str, String)>,
    /// A hostcall's status, `OK` or why not; what a callback answered, or how it failed.
    pub outcome: String,
    /// Why the host refused, or what else it said.
    pub reason: Option<String>,
    /// Units of fuel that it used.
    pub fuel: u64,
    /// How long it took, in nanoseconds; recording is part of it.
    pub nanoseconds: u64,
}

impl TraceEvent {
    fn size(&self) -> usize {
        let texts = |pairs: &[(&str, String)]| pairs.iter().map(|(_, text)| text.len()).sum();
        let reason = self.reason.as_ref().map_or(0, String::len);
        let (arguments, results): (usize, usize) = (texts(&self.arguments), texts(&self.results));
        arguments + results + self.outcome.len() + reason
    }
}

/// The recorder of a host.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    on: AtomicBool,
    recorded: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    limits: TraceLimits,
    events: Vec<TraceEvent>,
    bytes: usize,
    /// Events that were taken away already.
    taken: u64,
    /// Events for which there was no room.
    lost: u64,
}

/// An event that is not over yet.
#[derive(Clone, Copy, Debug)]
struct Ticket(u64);

impl Trace {
    pub(crate) fn start(&self, limits: TraceLimits) {
        self.with(|recorded| {
            let taken = recorded.taken + recorded.events.len() as u64;
            *recorded = Recorded { limits, taken, ..Recorded::default() };
        });
        self.on.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// The events so far, and how many were lost.
    pub(crate) fn take(&self) -> (Vec<TraceEvent>, u64) {
        self.with(|recorded| {
            let events = std::mem::take(&mut recorded.events);
            recorded.taken += events.len() as u64;
            recorded.bytes = 0;
            (events, std::mem::take(&mut recorded.lost))
        })
    }

    fn limits(&self) -> TraceLimits {
        self.with(|recorded| recorded.limits)
    }

    fn add(&self, event: TraceEvent) -> Option<Ticket> {
        self.with(|recorded| {
            if recorded.limits.stream.is_some_and(|only| event.stream != Some(only)) {
                return None;
            }
            let bytes = recorded.bytes + event.size();
            if recorded.events.len() >= recorded.limits.events || bytes > recorded.limits.bytes {
                recorded.lost += 1;
                return None;
            }
            recorded.bytes = bytes;
            recorded.events.push(event);
            Some(Ticket(recorded.taken + recorded.events.len() as u64 - 1))
        })
    }

    /// Completes an event, unless somebody took it half done.
    fn complete(&self, ticket: Ticket, work: impl FnOnce(&mut TraceEvent)) {
        self.with(|recorded| {
            let place = ticket.0.checked_sub(recorded.taken);
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(event) = place.and_then(|place| recorded.events.get_mut(place)) {
                let before = event.size();
                work(event);
                recorded.bytes += event.size() - before.min(event.size());
            }
        });
    }

    fn with<R>(&self, work: impl FnOnce(&mut Recorded) -> R) -> R {
        work(&mut self.recorded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
