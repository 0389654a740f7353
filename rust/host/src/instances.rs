//! The instances of this thread, and what they ask of the layer above.
//!
//! A wasmer `Store` is not `Send`, so an instance belongs to its thread, as in Envoy. The first one
//! is made at the first use on the thread; one that crashed is replaced.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::background::Account;
use crate::effects::{Effects, LogRecord};
use crate::ids::IdMap;
use crate::place::Place;
use crate::plugin::PluginCore;
use crate::queue_calls::QueueCalls;
pub(crate) use crate::slot::Slot;
use crate::{Callout, Host, foreign};

/// What the callbacks of this thread asked for since the last crossing.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) wake: Vec<u64>,
    pub(crate) timers: bool,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) cancelled: Vec<u64>,
    /// Who is to be told of values in queues.
    pub(crate) queues: QueueCalls,
}

thread_local! {
    static SLOTS: RefCell<IdMap<u64, Rc<Slot>>> = RefCell::default();
    /// By VM.
    static PLACES: RefCell<IdMap<u64, Weak<Place>>> = RefCell::default();
    /// What serves the tenants of a plugin.
    static TENANTS: RefCell<IdMap<u64, Vec<Rc<Slot>>>> = RefCell::default();
    static OUTBOX: RefCell<Outbox> = RefCell::default();
    /// Plugins that are gone, whose contexts still end.
    static LEAVING: RefCell<Vec<Rc<Slot>>> = RefCell::default();
    static SEEN_RETIRED: Cell<usize> = const { Cell::new(0) };
}

/// Grows with each plugin that is gone: every thread looks through its own once.
static RETIRED: AtomicUsize = AtomicUsize::new(0);

/// Works on what this thread's callbacks asked for.
pub(crate) fn outbox<R>(work: impl FnOnce(&mut Outbox) -> R) -> R {
    OUTBOX.with_borrow_mut(work)
}

impl Outbox {
    /// Moves what was asked for to where it goes over the border; queues stay.
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

/// The slot of a plugin on this thread.
pub(crate) fn slot(core: &Arc<PluginCore>) -> Rc<Slot> {
    release_retired();
    if let Some(slot) = SLOTS.with_borrow(|slots| slots.get(&core.id).cloned()) {
        return slot;
    }
    let slot = Rc::new(Slot::new(core, place(core.vm.id), account(core)));
    SLOTS.with_borrow_mut(|slots| slots.insert(core.id, Rc::clone(&slot)));
    if core.base != core.id {
        let first = TENANTS.with_borrow_mut(|tenants| {
            let tenants = tenants.entry(core.base).or_default();
            tenants.push(Rc::clone(&slot));
            tenants.len() == 1
        });
        // Somebody has to drop them when they are idle.
        outbox(|out| out.timers |= first);
    }
    slot
}

/// The slot of a plugin, if it has one on this thread.
pub(crate) fn known(plugin: u64) -> Weak<Slot> {
    SLOTS.with_borrow(|slots| slots.get(&plugin).map(Rc::downgrade)).unwrap_or_default()
}

/// The slots of this thread that serve tenants of a plugin.
pub(crate) fn tenants(plugin: u64) -> Vec<Rc<Slot>> {
    TENANTS.with_borrow(|tenants| tenants.get(&plugin).cloned().unwrap_or_default())
}

/// The share of the policy that a plugin is of.
fn account(core: &PluginCore) -> Rc<Account> {
    let known = SLOTS.with_borrow(|slots| {
        let slot = slots.values().find(|slot| slot.account().is_of(core));
        slot.map(|slot| Rc::clone(slot.account()))
    });
    known.unwrap_or_else(|| Rc::new(Account::new(core)))
}

/// Plugins that are gone and whose contexts still end: callbacks of theirs are due.
pub(crate) fn leaving() -> Vec<Rc<Slot>> {
    LEAVING.with_borrow(Clone::clone)
}

/// Lets those of them go that have ended.
pub(crate) fn let_go() {
    let left: Vec<_> = LEAVING.with_borrow_mut(|leaving| {
        let gone = |slot: &mut Rc<Slot>| !slot.has_endings();
        leaving.extract_if(.., gone).collect()
    });
    let again: Vec<_> = left.into_iter().filter(|slot| !slot.leave()).collect();
    LEAVING.with_borrow_mut(|leaving| leaving.extend(again));
}

fn place(vm: u64) -> Rc<Place> {
    PLACES.with_borrow_mut(|places| {
        if let Some(place) = places.get(&vm).and_then(Weak::upgrade) {
            return place;
        }
        let place = Rc::new(Place::default());
        places.insert(vm, Rc::downgrade(&place));
        place
    })
}

/// Plugins are gone: what they have on this thread goes now, on other threads when they next look.
pub(crate) fn release_retired_soon() {
    RETIRED.fetch_add(1, Ordering::AcqRel);
    release_retired();
}

/// Instances of a host's plugins on this thread.
pub(crate) fn count(host: &Host) -> usize {
    places_of(host).iter().filter(|place| place.is_taken()).count()
}

/// The contexts of streams in them.
pub(crate) fn contexts(host: &Host) -> usize {
    places_of(host).iter().map(|place| place.contexts()).sum()
}

fn places_of(host: &Host) -> Vec<Rc<Place>> {
    release_retired();
    let mut places: Vec<_> = SLOTS.with_borrow(|slots| {
        let slots = slots.values().filter(|slot| slot.core().host.is(host));
        slots.map(|slot| Rc::clone(slot.place())).collect()
    });
    places.sort_unstable_by_key(Rc::as_ptr);
    places.dedup_by_key(|place| Rc::as_ptr(place));
    places
}

/// Lets a host's instances on this thread report what they counted.
pub(crate) fn report(host: &Host) {
    let slots: Vec<_> = SLOTS.with_borrow(|slots| {
        slots.values().filter(|slot| slot.core().host.is(host)).cloned().collect()
    });
    for slot in slots {
        slot.place().report();
    }
}

fn release_retired() {
    // A thread that is ending has no slots any more.
    let Ok(seen) = SEEN_RETIRED.try_with(Cell::get) else { return };
    let retired = RETIRED.load(Ordering::Acquire);
    // While a foreign function runs, an instance is at work and cannot be told.
    if seen == retired || foreign::busy() {
        return;
    }
    let gone = |slot: &Rc<Slot>| slot.core().is_retired();
    let released = SLOTS.try_with(|slots| {
        let mut slots = slots.try_borrow_mut().ok()?;
        Some(slots.extract_if(|_, slot| gone(slot)).map(|(_, slot)| slot).collect::<Vec<_>>())
    });
    let Ok(Some(released)) = released else { return };
    SEEN_RETIRED.set(retired);
    let _ = TENANTS.try_with(|tenants| {
        let mut tenants = tenants.borrow_mut();
        tenants.values_mut().for_each(|slots| slots.retain(|slot| !gone(slot)));
        tenants.retain(|_, slots| !slots.is_empty());
    });
    // Callbacks need what a thread that ends may have lost.
    if OUTBOX.try_with(|_| ()).is_ok() {
        let (leaving, released): (Vec<_>, Vec<_>) =
            released.into_iter().partition(|slot| !slot.leave());
        outbox(|out| out.timers |= !leaving.is_empty());
        LEAVING.with_borrow_mut(|known| known.extend(leaving));
        drop(released);
    } else {
        drop(released);
    }
    let _ = PLACES.try_with(|places| {
        places.borrow_mut().retain(|_, place| place.strong_count() > 0);
    });
}
