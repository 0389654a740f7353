//! The requests of this thread's callbacks to the layer above.

use std::cell::RefCell;

use crate::context::queue_calls::QueueCalls;
use crate::types::callout::Callout;
use crate::types::effects::{Effects, LogRecord};

/// The requests of this thread's callbacks since the last call from above.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) wake: Vec<u64>,
    pub(crate) timers: bool,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) cancelled: Vec<u64>,
    /// The due callbacks for values in queues.
    pub(crate) queues: QueueCalls,
}

thread_local! {
    static OUTBOX: RefCell<Outbox> = RefCell::default();
}

/// Whether the outbox exists: a thread that ends may have dropped it.
pub(crate) fn is_there() -> bool {
    OUTBOX.try_with(|_| ()).is_ok()
}

/// Runs `work` on the outbox of this thread.
pub(crate) fn outbox<R>(work: impl FnOnce(&mut Outbox) -> R) -> R {
    OUTBOX.with_borrow_mut(work)
}

impl Outbox {
    /// Moves the requests to `effects`; callbacks for queues stay.
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

/// Takes the requests of this thread's callbacks that belong to no stream.
pub(crate) fn take_effects() -> Effects {
    let mut effects = Effects::default();
    outbox(|out| out.empty_into(&mut effects));
    effects
}
