//! A plugin on this thread: its root context in the instance of its VM.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::step;
use crate::instance::Instance;
use crate::plugin::core::PluginCore;
use crate::thread::account::{self, Account, Released};
use crate::thread::vm_slot::VmSlot;
use crate::types::error::Error;

pub(crate) struct PluginSlot {
    core: Arc<PluginCore>,
    vm_slot: Rc<VmSlot>,
    account: Rc<Account>,
    /// Its tick is due and was counted as put off.
    late: Cell<bool>,
}

impl PluginSlot {
    pub(crate) fn new(core: &Arc<PluginCore>, vm_slot: Rc<VmSlot>) -> Self {
        let account = account::open(core);
        Self { core: Arc::clone(core), vm_slot, account, late: Cell::new(false) }
    }

    pub(crate) fn core(&self) -> &Arc<PluginCore> {
        &self.core
    }

    pub(crate) fn vm_slot(&self) -> &Rc<VmSlot> {
        &self.vm_slot
    }

    /// The share of the thread's time that its policy has in the background.
    pub(crate) fn account(&self) -> &Rc<Account> {
        &self.account
    }

    /// Makes sure that there is an instance, and the plugin's root context in it; its generation.
    pub(crate) fn ready(&self) -> Result<u64, Error> {
        self.vm_slot.ready(&self.core)
    }

    /// Whether there is one.
    pub(crate) fn is_there(&self) -> bool {
        self.vm_slot.has(self.core.id)
    }

    /// Whether it is to be started, now or when its back-off ends. A VM whose tenants have their own
    /// VMs serves no stream.
    fn is_missing(&self) -> bool {
        let serves = self.core.vm.serves && self.core.base == self.core.id;
        serves && !self.core.is_retired() && !self.is_there()
    }

    /// Starts it if it is missing and may start now; whether that was tried.
    pub(crate) fn start(&self) -> bool {
        let starts = self.is_missing() && self.vm_slot.wait(&self.core).is_none();
        if starts {
            // How it failed is in the outbox.
            let _ = self.ready();
        }
        starts
    }

    /// Grows with each instance, so that a stream knows whether its own is still there.
    pub(crate) fn generation(&self) -> u64 {
        self.vm_slot.generation()
    }

    /// Runs a callback of this plugin in the instance of `generation`. If it crashes, the instance
    /// is replaced, and its streams continue by their failure policy.
    pub(crate) fn call<R>(
        &self,
        generation: u64,
        callback: impl FnOnce(&mut Instance) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.vm_slot.call(&self.core, generation, callback)
    }

    /// True when the instance of `generation` still serves.
    pub(crate) fn serves(&self, generation: u64) -> bool {
        self.vm_slot.serves(generation)
    }

    /// Whether a callback may run in the background now: within the step, and within the share.
    pub(crate) fn may_run(&self) -> bool {
        step::admits(&self.core.spec.limits) && self.account.may_run()
    }

    /// Runs a callback in the background.
    pub(crate) fn in_background<R>(
        &self,
        callback: impl FnOnce(&mut Instance) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.account.run(|| self.call(self.generation(), callback))
    }

    /// Counts callbacks that wait.
    pub(crate) fn put_off(&self, callbacks: usize) {
        self.account.put_off(callbacks);
    }

    /// When the tick was due, if it is.
    pub(crate) fn tick_is_due(&self) -> Option<Instant> {
        let due = self.vm_slot.tick_due(self.core.id)?;
        (due <= self.core.services.clock().now()).then_some(due)
    }

    /// Runs the tick if it may run now; whether it did.
    pub(crate) fn tick(&self) -> bool {
        let runs = self.may_run();
        if runs {
            // How it failed is in the outbox; there is no stream to answer.
            let _ = self.in_background(Instance::on_tick);
            self.late.set(false);
        } else {
            self.is_late();
        }
        runs
    }

    /// The tick is deferred, which counts once.
    fn is_late(&self) {
        if !self.late.replace(true) {
            self.put_off(1);
        }
    }

    /// Since when callbacks of its contexts wait that end.
    pub(crate) fn ends_since(&self) -> Option<Instant> {
        self.vm_slot.ends_since(self.core.id)
    }

    /// Whether callbacks of contexts that end are due.
    pub(crate) fn has_endings(&self) -> bool {
        self.ends_since().is_some()
    }

    /// Runs the next of these callbacks, if it may run now; whether it did.
    pub(crate) fn end_one(&self) -> bool {
        let runs = self.has_endings() && self.may_run();
        if runs {
            self.account.run(|| self.vm_slot.end_one(&self.core));
        }
        runs
    }

    /// Takes a deferred callout or response, if it may run.
    pub(crate) fn release_one(&self) -> Option<Released> {
        if step::admits(&self.core.spec.limits) { self.account.release_one() } else { None }
    }

    /// The plugin has ended: its root context ends. False while callbacks of its contexts are due.
    pub(crate) fn end(&self) -> bool {
        self.vm_slot.remove_plugin(&self.core)
    }

    /// How long it is until something is to be done in the background.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let now = self.core.services.clock().now();
        let share = || self.account.wait();
        let tick = self.vm_slot.tick_due(self.core.id).map(|due| {
            let (due, share) = (due.saturating_duration_since(now), share());
            if due < share {
                self.is_late();
            }
            due.max(share)
        });
        let others = (self.has_endings() || self.account.holds_something()).then(share);
        let start =
            self.is_missing().then(|| self.vm_slot.wait(&self.core).unwrap_or(Duration::ZERO));
        [tick, others, start].into_iter().flatten().min()
    }
}

impl Drop for PluginSlot {
    fn drop(&mut self) {
        account::close(self.core.id);
    }
}
