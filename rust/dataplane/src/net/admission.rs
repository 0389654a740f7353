//! How many clients are connected, on all threads together, and which thread accepts the next one.
//!
//! A thread takes a place before it accepts a client, so the bound is exact. Without a place the client
//! waits in the listener's backlog, and the thread is told when one is free: in order, because each has
//! clients of its own (`SO_REUSEPORT`), which no other thread accepts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A thread asks again after this time also untold: the one that was told may be in a long callback.
pub(crate) const RETRY: Duration = Duration::from_millis(100);
/// Between two lines that say that clients wait.
const QUIET: Duration = Duration::from_mins(1);

/// Tells a thread that it may ask again.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// Counts the clients of all threads, and has threads wait while there are as many as may be.
pub struct Admission(Mutex<State>);

struct State {
    most: usize,
    clients: usize,
    /// Threads with clients that wait, by their numbers.
    waiting: VecDeque<(u16, Wake)>,
    /// When it was said last that clients wait.
    said: Option<Instant>,
}

/// Whether a thread may accept a client.
pub(crate) enum Asked {
    /// It may.
    Place(Place),
    /// It is told when it may ask again. The bound, if this is to be said.
    Full(Option<usize>),
}

/// The place of one client, until it is dropped.
pub(crate) struct Place(Arc<Admission>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.clients -= 1;
        wake(state);
    }
}

impl Default for Admission {
    /// Without a bound, until there is one.
    fn default() -> Self {
        let waiting = VecDeque::new();
        Self(Mutex::new(State { most: usize::MAX, clients: 0, waiting, said: None }))
    }
}

impl Admission {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has so many clients at most from now on. Those that are connected stay.
    pub(crate) fn bound(&self, most: usize) {
        let mut state = self.state();
        state.most = most;
        wake(state);
    }

    /// Asks for the place of a client that waits at a thread.
    pub(crate) fn ask(self: &Arc<Self>, thread: u16, told: &Wake, now: Instant) -> Asked {
        let mut state = self.state();
        if state.clients < state.most {
            state.waiting.retain(|(its, _)| *its != thread);
            state.clients += 1;
            wake(state);
            return Asked::Place(Place(Arc::clone(self)));
        }
        if state.waiting.iter().all(|(its, _)| *its != thread) {
            state.waiting.push_back((thread, Arc::clone(told)));
        }
        if state.said.is_some_and(|said| now.saturating_duration_since(said) < QUIET) {
            return Asked::Full(None);
        }
        state.said = Some(now);
        Asked::Full(Some(state.most))
    }

    /// A thread accepts no more.
    pub(crate) fn leave(&self, thread: u16) {
        self.state().waiting.retain(|(its, _)| *its != thread);
    }
}

/// Tells the thread that waits longest, if there is a place.
fn wake(mut state: MutexGuard<'_, State>) {
    if state.clients >= state.most {
        return;
    }
    let next = state.waiting.pop_front();
    drop(state);
    if let Some((_, wake)) = next {
        wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counted() -> (Wake, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let its = Arc::clone(&count);
        let wake = move || {
            its.fetch_add(1, Ordering::Relaxed);
        };
        (Arc::new(wake), count)
    }

    fn place(asked: Asked) -> Option<Place> {
        match asked {
            Asked::Place(place) => Some(place),
            Asked::Full(_) => None,
        }
    }

    fn said(asked: &Asked) -> Option<usize> {
        match asked {
            Asked::Place(_) => None,
            Asked::Full(said) => *said,
        }
    }

    #[test]
    fn there_are_as_many_places_as_the_bound_says() {
        let (admission, now) = (Arc::new(Admission::default()), Instant::now());
        let (wake, _) = counted();
        admission.bound(2);
        let first = place(admission.ask(1, &wake, now));
        let second = place(admission.ask(2, &wake, now));
        assert!(first.is_some() && second.is_some());
        assert!(place(admission.ask(1, &wake, now)).is_none());
        drop(first);
        assert!(place(admission.ask(1, &wake, now)).is_some());
    }

    #[test]
    fn threads_are_told_in_order_one_for_each_place() {
        let (admission, now) = (Arc::new(Admission::default()), Instant::now());
        let ((one, woken_one), (two, woken_two)) = (counted(), counted());
        admission.bound(1);
        let held = place(admission.ask(1, &one, now));
        assert!(place(admission.ask(2, &two, now)).is_none());
        assert!(place(admission.ask(1, &one, now)).is_none());
        drop(held);
        let woken = || (woken_one.load(Ordering::Relaxed), woken_two.load(Ordering::Relaxed));
        assert_eq!(woken(), (0, 1));
        drop(place(admission.ask(2, &two, now)));
        assert_eq!(woken(), (1, 1));
        assert!(place(admission.ask(1, &one, now)).is_some());
    }

    #[test]
    fn a_thread_that_does_not_ask_holds_up_no_other() {
        let (admission, now) = (Arc::new(Admission::default()), Instant::now());
        let ((one, _), (two, _)) = (counted(), counted());
        admission.bound(1);
        let held = place(admission.ask(1, &one, now));
        assert!(place(admission.ask(1, &one, now)).is_none());
        assert!(place(admission.ask(2, &two, now)).is_none());
        drop(held);
        assert!(place(admission.ask(2, &two, now)).is_some());
    }

    #[test]
    fn a_thread_that_left_is_not_told() {
        let (admission, now) = (Arc::new(Admission::default()), Instant::now());
        let ((one, left), (two, woken)) = (counted(), counted());
        admission.bound(1);
        let held = place(admission.ask(1, &one, now));
        assert!(place(admission.ask(1, &one, now)).is_none());
        assert!(place(admission.ask(2, &two, now)).is_none());
        admission.leave(1);
        drop(held);
        assert_eq!((left.load(Ordering::Relaxed), woken.load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn a_higher_bound_has_places_at_once_and_a_lower_one_ends_none() {
        let (admission, now) = (Arc::new(Admission::default()), Instant::now());
        let (wake, woken) = counted();
        admission.bound(1);
        let first = place(admission.ask(1, &wake, now));
        assert!(place(admission.ask(1, &wake, now)).is_none());
        admission.bound(2);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        let second = place(admission.ask(1, &wake, now));
        assert!(second.is_some());
        admission.bound(1);
        drop(second);
        assert!(place(admission.ask(1, &wake, now)).is_none());
        drop(first);
        assert!(place(admission.ask(1, &wake, now)).is_some());
    }

    #[test]
    fn it_is_said_once_a_minute() {
        let (admission, now) = (Arc::new(Admission::default()), Instant::now());
        let (wake, _) = counted();
        admission.bound(0);
        let at = |seconds| said(&admission.ask(1, &wake, now + Duration::from_secs(seconds)));
        assert_eq!([at(0), at(1), at(59), at(60), at(61)], [Some(0), None, None, Some(0), None]);
    }
}
