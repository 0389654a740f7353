//! Which instance of this thread waits for the answer to which callout.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::pending::{Calls, Waiting};
use crate::ids::IdMap;
use crate::instances::{self, Slot, outbox};

/// A plugin in the instance of `generation`, and the number that its guest knows the callout by.
#[derive(Clone)]
pub(super) struct Route {
    slot: Weak<Slot>,
    pub(super) generation: u64,
    pub(super) number: u32,
}

thread_local! {
    static ROUTES: RefCell<IdMap<u64, Route>> = RefCell::default();
}

impl Route {
    pub(super) fn slot(&self) -> Option<Rc<Slot>> {
        self.slot.upgrade()
    }
}

pub(super) fn find(id: u64) -> Option<Route> {
    ROUTES.with_borrow(|routes| routes.get(&id).cloned())
}

pub(super) fn forget(id: u64) {
    ROUTES.with_borrow_mut(|routes| routes.remove(&id));
}

/// How many callouts of this thread wait for an answer.
pub(super) fn count() -> usize {
    ROUTES.with_borrow(IdMap::len)
}

/// Hands over what an instance asked and cancelled since.
pub(crate) fn hand_over(generation: u64, calls: &mut Calls) {
    let (asked, cancelled) = calls.take_news();
    ROUTES.with_borrow_mut(|routes| {
        for (waiting, callout) in &asked {
            if let Some(Waiting { plugin, number }) = *waiting {
                let slot = instances::known(plugin);
                routes.insert(callout.id, Route { slot, generation, number });
            }
        }
    });
    outbox(|out| out.callouts.extend(asked.into_iter().map(|(_, callout)| callout)));
    cancel(&cancelled);
}

/// Ends callouts that were handed over. Those that have not crossed the border yet never will.
pub(crate) fn cancel(ids: &[u64]) {
    if ids.is_empty() {
        return;
    }
    // A thread that is ending has no layer above any more.
    let _ = ROUTES.try_with(|routes| {
        let mut routes = routes.borrow_mut();
        for id in ids {
            routes.remove(id);
        }
    });
    outbox(|out| {
        for id in ids {
            let opens = out.callouts.iter().any(|its| its.id == *id && its.request.opens());
            out.callouts.retain(|callout| callout.id != *id);
            if !opens {
                out.cancelled.push(*id);
            }
        }
    });
}
