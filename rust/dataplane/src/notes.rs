//! What the layer above is to know or to do, in a queue that never makes a thread of the data plane
//! wait.

use std::sync::Arc;

use wasmgate_gateway::Access;
use wasmgate_host::Effects;

use crate::queue::Queue;

/// Lines that wait for the layer above; further ones are dropped and counted.
const LINES: usize = 10_000;

/// One thing that happened.
#[derive(Debug)]
pub enum Note {
    /// What policies ask for beside the progress of their streams: log lines, callouts, and callouts
    /// that are cancelled. `thread` is for the answers ([`crate::deliver`]).
    Effects {
        /// The number of the thread.
        thread: u16,
        /// The deployment that they belong to: its callouts reach its clusters.
        deployment: u64,
        /// Without streams to wake and timers: those are the thread's own.
        effects: Box<Effects>,
    },
    /// A line for the log, at level WARNING.
    Warning(String),
    /// The same about an endpoint or whatever else may go wrong with every request: to be limited.
    Fault {
        /// What it is about.
        about: String,
        /// The line.
        line: String,
    },
    /// A call of a policy whose upstream resolves to an address that is refused: to be counted.
    Denied {
        /// The deployment that the policy called in.
        deployment: u64,
        /// The policy's name.
        policy: Arc<str>,
        /// Host and port, as the policy wrote them.
        upstream: String,
        /// Which address, and why.
        reason: String,
    },
    /// An exchange that was answered.
    Access {
        /// The client's address and port.
        client: String,
        /// What is said of it.
        access: Access,
    },
    /// So many lines were dropped before this, because the layer above did not take them.
    Dropped(u64),
    /// The last exchange of a deployment has ended on a thread.
    Released(u64),
    /// A thread of the data plane has ended.
    Ended,
}

/// The queue. Threads append; the layer above takes all of it when it is woken.
pub struct Notes {
    queue: Queue<Note, Lines>,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// Lines since the queue was taken last.
#[derive(Default)]
struct Lines {
    waiting: usize,
    dropped: u64,
}

impl Notes {
    /// An empty queue; `wake` is called when it is no longer empty, on the thread that appends.
    #[must_use]
    pub fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { queue: Queue::new(), wake }
    }

    /// Everything that was appended since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Note> {
        let (notes, lines) = self.queue.take();
        let dropped = (lines.dropped > 0).then_some(Note::Dropped(lines.dropped));
        notes.into_iter().chain(dropped).collect()
    }

    pub(crate) fn append(&self, note: Note) {
        if self.queue.append(|lines| lines.admit(note)) {
            (self.wake)();
        }
    }
}

impl Lines {
    /// Counts the lines of a note. What is too much is dropped, but for callouts: they are as many as
    /// there are contexts at most, and a request waits for each.
    fn admit(&mut self, mut note: Note) -> Option<Note> {
        let lines = match &note {
            Note::Effects { effects, .. } => effects.logs.len(),
            Note::Warning(_) | Note::Fault { .. } | Note::Denied { .. } | Note::Access { .. } => 1,
            Note::Dropped(_) | Note::Released(_) | Note::Ended => 0,
        };
        if lines == 0 || self.waiting + lines <= LINES {
            self.waiting += lines;
            return Some(note);
        }
        self.dropped += lines as u64;
        match &mut note {
            Note::Effects { effects, .. } if asks(effects) => effects.logs.clear(),
            _ => return None,
        }
        Some(note)
    }
}

fn asks(effects: &Effects) -> bool {
    !(effects.callouts.is_empty() && effects.cancelled.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_layer_above_is_woken_once_for_all_that_waits() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&woken);
        let notes = Notes::new(Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        notes.append(Note::Ended);
        notes.append(Note::Ended);
        assert_eq!((woken.load(Ordering::Relaxed), notes.take().len()), (1, 2));
        notes.append(Note::Ended);
        assert_eq!((woken.load(Ordering::Relaxed), notes.take().len()), (2, 1));
    }

    #[test]
    fn lines_are_bounded_and_the_rest_is_counted() {
        let notes = Notes::new(Box::new(|| {}));
        for _ in 0..LINES + 3 {
            notes.append(Note::Warning("no answer".into()));
        }
        let taken = notes.take();
        assert_eq!(taken.len(), LINES + 1);
        assert!(matches!(taken.last(), Some(Note::Dropped(3))));
        notes.append(Note::Warning("no answer".into()));
        assert_eq!(notes.take().len(), 1);
    }
}
