//! Which instance of this thread waits for the answer to which callout.

use std::cell::RefCell;

use crate::types::ids::IdMap;

/// A plugin in the instance of `generation`, and the number that its guest knows the callout by.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) plugin: u64,
    pub(crate) generation: u64,
    pub(crate) number: u32,
    /// It ends with a stream.
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
    // A thread that is ending may have lost its routes.
    ROUTES.try_with(|routes| routes.borrow_mut().remove(&callout)).ok().flatten()
}

/// How many callouts of this thread wait for an answer.
pub(crate) fn count() -> usize {
    ROUTES.with_borrow(IdMap::len)
}
