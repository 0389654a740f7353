//! Which instance of this thread waits for the answer to which callout.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::pending::{Calls, Waiting};
use crate::background;
use crate::ids::IdMap;
use crate::instances::{self, Slot, outbox};

/// A plugin in the instance of `generation`, and the number that its guest knows the callout by.
#[derive(Clone)]
pub(super) struct Route {
    slot: Weak<Slot>,
    pub(super) generation: u64,
    pub(super) number: u32,
    /// It ends with a stream.
    pub(super) of_stream: bool,
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

/// Hands over what an instance asked and cancelled since. What it asked in the background counts
/// towards its share.
pub(crate) fn hand_over(generation: u64, calls: &mut Calls) {
    let (asked, cancelled) = calls.take_news();
    for (waiting, callout) in asked {
        let slot = match waiting {
            Some(Waiting { plugin, number, of_stream }) => {
                let slot = instances::known(plugin);
                let route = Route { slot: Weak::clone(&slot), generation, number, of_stream };
                ROUTES.with_borrow_mut(|routes| routes.insert(callout.id, route));
                slot.upgrade()
            }
            None => find(callout.id).and_then(|route| route.slot()),
        };
        match slot {
            Some(slot) if background::runs() || slot.account().holds(callout.id) => {
                slot.account().give(callout);
            }
            _ => outbox(|out| out.callouts.push(callout)),
        }
    }
    cancel(&cancelled);
}

/// Ends callouts that were handed over. Those that have not crossed the border yet never will.
pub(crate) fn cancel(ids: &[u64]) {
    for id in ids {
        // A thread that is ending has no layer above any more.
        let route = ROUTES.try_with(|routes| routes.borrow_mut().remove(id)).ok().flatten();
        let slot = route.and_then(|route| route.slot());
        let held = slot.is_some_and(|slot| slot.account().forget(*id));
        outbox(|out| {
            let opens = out.callouts.iter().any(|its| its.id == *id && its.request.opens());
            out.callouts.retain(|callout| callout.id != *id);
            if !(opens || held) {
                out.cancelled.push(*id);
            }
        });
    }
}
