//! What the callbacks of this thread requested from the layer above.

use std::cell::RefCell;

use crate::context::queue_calls::QueueCalls;
use crate::types::callout::Callout;
use crate::types::effects::{Effects, LogRecord};

/// What the callbacks of this thread asked for since the last crossing.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) wake: Vec<u64>,
    pub(crate) timers: bool,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) cancelled: Vec<u64>,
    /// The plugins that get callbacks for values in queues.
    pub(crate) queues: QueueCalls,
}

thread_local! {
    static OUTBOX: RefCell<Outbox> = RefCell::default();
}

/// Whether there still is one: a thread that ends may have lost it.
pub(crate) fn is_there() -> bool {
    OUTBOX.try_with(|_| ()).is_ok()
}

/// Works on what this thread's callbacks asked for.
pub(crate) fn outbox<R>(work: impl FnOnce(&mut Outbox) -> R) -> R {
    OUTBOX.with_borrow_mut(work)
}

impl Outbox {
    /// Moves the requests to the effects that are returned; queues stay.
    #[inline]
    pub(crate) fn empty_into(&mut self, effects: &mut Effects) {
        let quiet = self.logs.is_empty() && self.wake.is_empty() && self.callouts.is_empty();
        if !(quiet && self.cancelled.is_empty() && !self.timers) {
            self.move_into(effects);
        }
    }

    #[cold]
    fn move_into(&mut self, effects: &mut Effects) {
        effects.logs = std::mem::take(&mut self.logs);
        effects.wake = std::mem::take(&mut self.wake);
        effects.timers = std::mem::take(&mut self.timers);
        effects.callouts = std::mem::take(&mut self.callouts);
        effects.cancelled = std::mem::take(&mut self.cancelled);
    }
}

/// What this thread's callbacks asked for, of no stream.
pub(crate) fn take_effects() -> Effects {
    let mut effects = Effects::default();
    outbox(|out| out.empty_into(&mut effects));
    effects
}
