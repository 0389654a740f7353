//! The record of a trace: callbacks and hostcalls between a host and its guests, for debugging.
//! A host records nothing until tracing is started.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::types::secrets::{Secrets, is_secret, masked_field, masked_query};

/// Bytes of a value that may be one secret as a whole.
const CREDENTIAL: usize = 4096;

/// The limits of a trace, and whether it shows secrets.
#[derive(Clone, Copy, Debug)]
pub struct TraceLimits {
    /// Events that are kept; later ones are counted.
    pub events: usize,
    /// Bytes of text in all of them.
    pub bytes: usize,
    /// Bytes of one value; a longer one is cut.
    pub value: usize,
    /// Show what is masked otherwise: configurations, environment variables, passwords, what foreign functions take
    /// and give, and what has a secret name ([`crate::is_secret`]), wherever it appears.
    pub secrets: bool,
    /// Keep only the events of this stream.
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
    /// The arguments: names as in the ABI, values as text.
    pub arguments: Vec<(&'static str, String)>,
    /// The results beside the outcome.
    pub results: Vec<(&'static str, String)>,
    /// The status of a hostcall; the result of a callback, or its failure.
    pub outcome: String,
    /// The reason for a refusal, or another remark of the host.
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
    /// The secrets that were masked so far, so that they are masked in other texts, too.
    met: Secrets,
}

/// An event that is not over yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u64);

impl Trace {
    pub(crate) fn start(&self, limits: TraceLimits) {
        self.with(|recorded| {
            let taken = recorded.taken + recorded.events.len() as u64;
            let met = std::mem::take(&mut recorded.met);
            *recorded = Recorded { limits, taken, met, ..Recorded::default() };
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

    /// A value as it may be shown: masked by its name, and without the secrets that were met. What a secret name has
    /// is met from now on.
    pub(crate) fn hide(&self, name: &[u8], value: &[u8]) -> Vec<u8> {
        self.with(|recorded| {
            if is_secret(name) {
                recorded.met.learn(value);
            }
            recorded.met.hidden(&masked_field(name, value)).into_owned()
        })
    }

    /// Learns a secret, as a whole and, if it is JSON, its parts.
    pub(crate) fn meet(&self, value: &[u8]) {
        self.with(|recorded| {
            recorded.met.learn_json(value);
            if value.len() <= CREDENTIAL {
                recorded.met.learn_whole(value);
            }
        });
    }

    /// A text as it may be shown, which may be JSON, or a form: what has a secret name in it is met from now on.
    pub(crate) fn hide_in(&self, text: &[u8]) -> Vec<u8> {
        self.with(|recorded| {
            recorded.met.learn_json(text);
            let is_form = text.contains(&b'=') && !text.iter().any(u8::is_ascii_whitespace);
            let text = if is_form { masked_query(text) } else { text.into() };
            recorded.met.hidden(&text).into_owned()
        })
    }

    pub(crate) fn limits(&self) -> TraceLimits {
        self.with(|recorded| recorded.limits)
    }

    pub(crate) fn add(&self, mut event: TraceEvent) -> Option<Ticket> {
        self.with(|recorded| {
            hide(&recorded.met, recorded.limits, &mut event);
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

    /// Completes an event, unless it was taken before it was complete.
    pub(crate) fn complete(&self, ticket: Ticket, work: impl FnOnce(&mut TraceEvent)) {
        self.with(|recorded| {
            let place = ticket.0.checked_sub(recorded.taken);
            let place = place.and_then(|place| usize::try_from(place).ok());
            let Recorded { events, met, limits, bytes, .. } = recorded;
            if let Some(event) = place.and_then(|place| events.get_mut(place)) {
                let before = event.size();
                work(event);
                hide(met, *limits, event);
                *bytes += event.size() - before.min(event.size());
            }
        });
    }

    fn with<R>(&self, work: impl FnOnce(&mut Recorded) -> R) -> R {
        work(&mut self.recorded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was said about an event may have a secret in it that was met before.
fn hide(met: &Secrets, limits: TraceLimits, event: &mut TraceEvent) {
    if limits.secrets {
        return;
    }
    for text in [Some(&mut event.outcome), event.reason.as_mut()].into_iter().flatten() {
        if let Cow::Owned(shown) = met.hidden(text.as_bytes()) {
            *text = String::from_utf8_lossy(&shown).into_owned();
        }
    }
}
