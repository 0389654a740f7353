//! A queue between threads. What appends to an empty one is told to wake what takes.

use std::collections::VecDeque;

use crate::sync::{Mutex, PoisonError};

/// Things in their order, and what is counted beside them (`S`) since they were taken last.
pub(crate) struct Queue<T, S = ()> {
    state: Mutex<(VecDeque<T>, S)>,
}

impl<T, S: Default> Queue<T, S> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new((VecDeque::new(), S::default())) }
    }

    /// Appends what is admitted. True: the queue was empty, and what takes from it is to be woken. A
    /// wake after the lock is given back may come late, for things that are taken already, and is never
    /// missing: what takes finds a thing, or was not woken for it yet.
    #[must_use]
    pub(crate) fn append(&self, admit: impl FnOnce(&mut S) -> Option<T>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (things, counted) = &mut *state;
        let Some(thing) = admit(counted) else { return false };
        things.push_back(thing);
        things.len() == 1
    }

    /// Everything that was appended since the last time.
    pub(crate) fn take(&self) -> (VecDeque<T>, S) {
        std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
