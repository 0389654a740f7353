//! The instance of this thread that waits for the response to each callout.

use std::cell::RefCell;

use crate::types::ids::IdMap;

/// The plugin that waits, the generation of its instance, and the callout's id in its guest.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) plugin: u64,
    pub(crate) generation: u64,
    pub(crate) number: u32,
    /// Whether the callout is cancelled with a stream.
    pub(crate) of_stream: bool,
}

thread_local! {
    static ROUTES: RefCell<IdMap<u64, Route>> = RefCell::default();
}

pub(crate) fn add(callout: u64, route: Route) {
    ROUTES.with_borrow_mut(|routes| routes.insert(callout, route));
}

pub(crate) fn find(callout: u64) -> Option<Route> {
    ROUTES.with_borrow(|routes| routes.get(&callout).copied())
}

/// Removes a route and returns it.
pub(crate) fn remove(callout: u64) -> Option<Route> {
    // The thread-local may be gone while a thread ends.
    ROUTES.try_with(|routes| routes.borrow_mut().remove(&callout)).ok().flatten()
}

/// The number of callouts of this thread that wait for a response.
pub(crate) fn count() -> usize {
    ROUTES.with_borrow(IdMap::len)
}
