//! The instances of this thread.
//!
//! A wasmer `Store` is not `Send`, so an instance belongs to its thread, as in Envoy. The first one
//! is made at the first use on the thread; one that crashed is replaced.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::context::outbox::{self, outbox};
use crate::context::reentrancy;
use crate::plugin::core::PluginCore;
use crate::services::Services;
use crate::thread::plugin_slot::PluginSlot;
use crate::thread::vm_slot::VmSlot;
use crate::types::ids::IdMap;

thread_local! {
    static SLOTS: RefCell<IdMap<u64, Rc<PluginSlot>>> = RefCell::default();
    /// By VM.
    static VM_SLOTS: RefCell<IdMap<u64, Weak<VmSlot>>> = RefCell::default();
    /// The slots of the tenants of a plugin.
    static TENANTS: RefCell<IdMap<u64, Vec<Rc<PluginSlot>>>> = RefCell::default();
    /// Plugins that have ended, with contexts that still end.
    static ENDING: RefCell<Vec<Rc<PluginSlot>>> = RefCell::default();
    static SEEN_RETIRED: Cell<usize> = const { Cell::new(0) };
}

/// Counts ended plugins: when it has changed, every thread searches its slots once.
static RETIRED: AtomicUsize = AtomicUsize::new(0);

/// The slot of a plugin on this thread.
pub(crate) fn slot_of(core: &Arc<PluginCore>) -> Rc<PluginSlot> {
    release_retired();
    if let Some(slot) = SLOTS.with_borrow(|slots| slots.get(&core.id).cloned()) {
        return slot;
    }
    let slot = Rc::new(PluginSlot::new(core, vm_slot(core.vm.id)));
    SLOTS.with_borrow_mut(|slots| slots.insert(core.id, Rc::clone(&slot)));
    if core.base != core.id {
        let first = TENANTS.with_borrow_mut(|tenants| {
            let tenants = tenants.entry(core.base).or_default();
            tenants.push(Rc::clone(&slot));
            tenants.len() == 1
        });
        // A turn of the loop drops them when they are idle.
        outbox(|out| out.timers |= first);
    }
    slot
}

/// The slot of a plugin, if it has one on this thread.
pub(crate) fn find(plugin: u64) -> Option<Rc<PluginSlot>> {
    let known = SLOTS.try_with(|slots| slots.borrow().get(&plugin).cloned()).ok()?;
    known.or_else(|| {
        let ending = ENDING
            .try_with(|slots| slots.borrow().iter().find(|slot| slot.core().id == plugin).cloned());
        ending.ok()?
    })
}

/// The slots of this thread that serve tenants of a plugin.
pub(crate) fn tenants(plugin: u64) -> Vec<Rc<PluginSlot>> {
    TENANTS.with_borrow(|tenants| tenants.get(&plugin).cloned().unwrap_or_default())
}

/// Plugins that have ended, with contexts that still end: their callbacks are due.
pub(crate) fn ending() -> Vec<Rc<PluginSlot>> {
    ENDING.with_borrow(Clone::clone)
}

/// Drops those of them that have ended.
pub(crate) fn release_ended() {
    let left: Vec<_> = ENDING.with_borrow_mut(|ending| {
        let gone = |slot: &mut Rc<PluginSlot>| !slot.vm_slot().has_endings_of(slot.core().id);
        ending.extract_if(.., gone).collect()
    });
    let again: Vec<_> = left.into_iter().filter(|slot| !slot.end()).collect();
    ENDING.with_borrow_mut(|ending| ending.extend(again));
}

fn vm_slot(vm: u64) -> Rc<VmSlot> {
    VM_SLOTS.with_borrow_mut(|vm_slots| {
        if let Some(vm_slot) = vm_slots.get(&vm).and_then(Weak::upgrade) {
            return vm_slot;
        }
        let vm_slot = Rc::new(VmSlot::default());
        vm_slots.insert(vm, Rc::downgrade(&vm_slot));
        vm_slot
    })
}

/// Plugins have ended: this thread releases their slots now, other threads when they check the counter next.
pub(crate) fn release_retired_soon() {
    RETIRED.fetch_add(1, Ordering::AcqRel);
    release_retired();
}

/// Instances of a host's plugins on this thread.
pub(crate) fn count(services: &Arc<Services>) -> usize {
    release_retired();
    vm_slots_of(services).iter().filter(|vm_slot| vm_slot.is_taken()).count()
}

/// The contexts of streams in them.
pub(crate) fn contexts(services: &Arc<Services>) -> usize {
    release_retired();
    vm_slots_of(services).iter().map(|vm_slot| vm_slot.contexts()).sum()
}

/// Those that still end are among them.
fn vm_slots_of(services: &Arc<Services>) -> Vec<Rc<VmSlot>> {
    let mut slots = SLOTS.with_borrow(|slots| slots.values().cloned().collect::<Vec<_>>());
    slots.extend(ending());
    slots.retain(|slot| Arc::ptr_eq(&slot.core().services, services));
    let mut vm_slots: Vec<_> = slots.iter().map(|slot| Rc::clone(slot.vm_slot())).collect();
    vm_slots.sort_unstable_by_key(Rc::as_ptr);
    vm_slots.dedup_by_key(|vm_slot| Rc::as_ptr(vm_slot));
    vm_slots
}

/// Lets a host's instances on this thread report what they counted.
pub(crate) fn report(services: &Arc<Services>) {
    for vm_slot in vm_slots_of(services) {
        vm_slot.report();
    }
}

fn release_retired() {
    // A thread that is ending has no slots any more.
    let Ok(seen) = SEEN_RETIRED.try_with(Cell::get) else { return };
    let retired = RETIRED.load(Ordering::Acquire);
    // While a foreign function runs, its instance is borrowed and cannot be called.
    if seen == retired || reentrancy::busy() {
        return;
    }
    let gone = |slot: &Rc<PluginSlot>| slot.core().is_retired();
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
    if outbox::is_there() {
        let (ending, released): (Vec<_>, Vec<_>) =
            released.into_iter().partition(|slot| !slot.end());
        outbox(|out| out.timers |= !ending.is_empty());
        ENDING.with_borrow_mut(|known| known.extend(ending));
        drop(released);
    } else {
        drop(released);
    }
    let _ = VM_SLOTS.try_with(|vm_slots| {
        vm_slots.borrow_mut().retain(|_, vm_slot| vm_slot.strong_count() > 0);
    });
}
