//! The instance of a VM on this thread, replaced when it crashes.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::outbox::outbox;
use crate::context::step;
use crate::instance::Instance;
use crate::plugin::core::PluginCore;
use crate::services::clock::Clock;
use crate::thread::health::{Health, Lines};
use crate::thread::{account, outgoing_callouts};
use crate::types::effects::LogRecord;
use crate::types::error::Error;
use crate::types::log_level::LogLevel;

/// Where the plugins of a VM have their instance.
#[derive(Default)]
pub(crate) struct VmSlot {
    instance: RefCell<Option<Instance>>,
    generation: Cell<u64>,
    health: RefCell<Health>,
    /// Since when callbacks of contexts that end wait for the loop's next turn.
    ends_since: Cell<Option<Instant>>,
}

/// How long a start takes.
struct Measure {
    began: Option<Duration>,
    burnt: u64,
}

impl Measure {
    fn begin(core: &PluginCore) -> Self {
        Self { began: core.services.clock().stopwatch(), burnt: step::burnt() }
    }

    fn end(&self) -> Duration {
        Clock::took(self.began, step::burnt().wrapping_sub(self.burnt))
    }
}

impl VmSlot {
    /// Makes sure that there is an instance with a root context of `core`; its generation.
    pub(crate) fn ready(&self, core: &Arc<PluginCore>) -> Result<u64, Error> {
        if let Some(instance) = &*self.instance.borrow()
            && instance.has(core.id)
        {
            return Ok(self.generation.get());
        }
        if self.wait(core).is_some() {
            self.log_limited(core, |health| &mut health.refusals, LogLevel::Warn, &Error::BackOff);
            return Err(Error::BackOff);
        }
        if self.is_taken() {
            self.add_plugin(core)?;
        } else {
            self.replace(core, &[])?;
        }
        Ok(self.generation.get())
    }

    /// How long no instance may be made.
    pub(crate) fn wait(&self, core: &PluginCore) -> Option<Duration> {
        self.health.borrow_mut().wait(core.services.clock().now())
    }

    /// Whether a plugin has its root context in the instance; true while the instance is running.
    pub(crate) fn has(&self, plugin: u64) -> bool {
        let instance = self.instance.try_borrow();
        instance.map_or(true, |slot| slot.as_ref().is_some_and(|instance| instance.has(plugin)))
    }

    /// Adds a plugin to the instance. One that refuses its configuration is not added, and
    /// the others stay.
    fn add_plugin(&self, core: &Arc<PluginCore>) -> Result<(), Error> {
        let measure = Measure::begin(core);
        let joined = match &mut *self.instance.borrow_mut() {
            Some(instance) => {
                let joined = instance.create_root(core);
                self.hand_over(instance);
                joined
            }
            None => Err(Error::InstanceGone),
        };
        match &joined {
            Ok(()) => {
                let ticks = self.tick_due(core.id).is_some();
                outbox(|out| out.timers |= ticks);
            }
            Err(error) => {
                if matches!(error, Error::Refused { .. }) {
                    self.log_limited(core, |health| &mut health.crashes, LogLevel::Critical, error);
                } else {
                    self.crashed(core, error, |other| other.id != core.id);
                }
                self.health.borrow_mut().failed(core.services.clock().now(), measure.end());
            }
        }
        joined
    }

    /// Starts an instance with `core`, and with `others` if they can be there again.
    fn replace(&self, core: &Arc<PluginCore>, others: &[Arc<PluginCore>]) -> Result<(), Error> {
        let measure = Measure::begin(core);
        let started = self.start(core, others);
        let (now, took) = (core.services.clock().now(), measure.end());
        match &started {
            Ok(()) => self.health.borrow_mut().started(now, took),
            Err(error) => {
                self.health.borrow_mut().failed(now, took);
                self.log_limited(core, |health| &mut health.crashes, LogLevel::Critical, error);
            }
        }
        started
    }

    fn start(&self, core: &Arc<PluginCore>, others: &[Arc<PluginCore>]) -> Result<(), Error> {
        let mut instance = Instance::start(Arc::clone(core))?;
        self.generation.set(self.generation.get() + 1);
        self.ends_since.set(None);
        self.hand_over(&mut instance);
        for other in others {
            // One that crashes now is not started again before its next request.
            if let Err(error) = instance.create_root(other)
                && !matches!(error, Error::Refused { .. })
            {
                outgoing_callouts::cancel(&instance.calls().abandon());
                return Err(error);
            }
            self.hand_over(&mut instance);
        }
        let ticks = instance.ticks();
        *self.instance.borrow_mut() = Some(instance);
        outbox(|out| out.timers |= ticks);
        Ok(())
    }

    /// Runs a callback of `core` in the instance of `generation`. If it crashes, the instance is
    /// replaced, and its streams continue by their failure policy.
    pub(crate) fn call<R>(
        &self,
        core: &Arc<PluginCore>,
        generation: u64,
        callback: impl FnOnce(&mut Instance) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if generation != self.generation.get() {
            return Err(Error::InstanceGone);
        }
        let outcome = {
            let mut slot = self.instance.borrow_mut();
            let Some(instance) = slot.as_mut() else { return Err(Error::InstanceGone) };
            // Between callbacks an instance is at rest.
            if core.module.can_migrate() {
                instance.upgrade_code();
            }
            instance.select_plugin(core)?;
            let outcome = callback(instance);
            if outcome.is_ok() && !instance.has_pending {
                return outcome;
            }
            outcome
        };
        let outcome = outcome.and_then(|answer| self.after(core).map(|()| answer));
        outcome.inspect_err(|error| self.crashed(core, error, |_| true))
    }

    /// Handles what a callback requested beyond its own stream.
    #[cold]
    fn after(&self, core: &PluginCore) -> Result<(), Error> {
        // Contexts for which the guest called `proxy_done` end now, as many as the step has room for;
        // the rest waits for the loop's next turn.
        let mut slot = self.instance.borrow_mut();
        let Some(instance) = slot.as_mut() else { return Ok(()) };
        let before = instance.note_finished();
        while self.ends_since.get().is_none()
            && let Some(next) = instance.ends_next()
            && step::admits(&next.spec.limits)
        {
            instance.select_plugin(&next)?;
            step::cause(|| instance.end_next())?;
            instance.note_finished();
        }
        self.wait_for_turn(core, instance, before);
        self.hand_over(instance);
        instance.has_pending = false;
        Ok(())
    }

    /// Due callbacks that did not run wait; `before` of them waited already.
    fn wait_for_turn(&self, core: &PluginCore, instance: &Instance, before: usize) {
        let due = instance.endings();
        if due == 0 {
            self.ends_since.set(None);
            return;
        }
        if self.ends_since.get().is_none() {
            self.ends_since.set(Some(core.services.clock().now()));
        }
        outbox(|out| out.timers = true);
        if let Some(account) = account::find(core.id)
            && due > before
        {
            account.put_off(due - before);
        }
    }

    /// Since when callbacks wait, if the next one is of this plugin.
    pub(crate) fn ends_since(&self, plugin: u64) -> Option<Instant> {
        let since = self.ends_since.get()?;
        let slot = self.instance.borrow();
        let next = slot.as_ref().and_then(Instance::ends_next);
        next.filter(|core| core.id == plugin).map(|_| since)
    }

    /// Whether callbacks of contexts of this plugin wait, even behind others.
    pub(crate) fn has_endings_of(&self, plugin: u64) -> bool {
        let slot = self.instance.borrow();
        slot.as_ref().is_some_and(|instance| instance.has_endings_of(plugin))
    }

    /// Runs the next of these callbacks.
    pub(crate) fn end_one(&self, core: &Arc<PluginCore>) {
        let now = core.services.clock().now();
        // How it failed is in the outbox.
        let _ = self.call(core, self.generation.get(), |instance| {
            instance.end_next()?;
            self.ends_since.set((instance.endings() > 0).then_some(now));
            Ok(())
        });
    }

    /// Gives the callouts of the instance to the layer above.
    fn hand_over(&self, instance: &mut Instance) {
        let calls = instance.calls();
        if calls.has_pending() {
            outgoing_callouts::hand_over(self.generation.get(), calls);
        }
    }

    /// How many contexts of streams the guest has; 0 while it is running.
    pub(crate) fn contexts(&self) -> usize {
        let instance = self.instance.try_borrow();
        instance.map_or(0, |instance| instance.as_ref().map_or(0, Instance::contexts))
    }

    /// Lets the instance report what it counted, unless it runs: then it asks from inside of its
    /// callback.
    pub(crate) fn report(&self) {
        if let Ok(mut slot) = self.instance.try_borrow_mut()
            && let Some(instance) = slot.as_mut()
        {
            instance.report();
        }
    }

    /// Cancels the callouts of the instance.
    fn abandon_calls(&self) {
        if let Some(instance) = self.instance.borrow_mut().as_mut() {
            outgoing_callouts::cancel(&instance.calls().abandon());
        }
    }

    /// `core` crashed the instance. The next one is made at once for those of its plugins that `stay`.
    fn crashed(&self, core: &Arc<PluginCore>, error: &Error, stay: impl Fn(&PluginCore) -> bool) {
        self.abandon_calls();
        let instance = self.instance.borrow_mut().take();
        let streams = instance.as_ref().map(Instance::streams).unwrap_or_default();
        let mut plugins = instance.as_ref().map(Instance::plugins).unwrap_or_default();
        plugins.retain(|plugin| stay(plugin) && !plugin.is_retired());
        drop(instance);
        self.ends_since.set(None);
        outbox(|out| out.wake.extend(&streams));
        self.log_limited(core, |health| &mut health.crashes, LogLevel::Critical, error);
        if self.wait(core).is_none()
            && let Some((first, others)) = plugins.split_first()
        {
            // How it failed is in the outbox, and the next request gets the error.
            let _ = self.replace(first, others);
        }
    }

    /// Writes a line about the plugin, unless there were many of the kind.
    fn log_limited(
        &self,
        core: &PluginCore,
        kind: impl FnOnce(&mut Health) -> &mut Lines,
        level: LogLevel,
        error: &Error,
    ) {
        let now = core.services.clock().now();
        let line = kind(&mut self.health.borrow_mut()).next(now, || error.to_string());
        if let Some(message) = line {
            let policy = Arc::clone(&core.name);
            outbox(|out| out.logs.push(LogRecord { policy, level, message }));
        }
    }

    /// A plugin has ended: its root context ends, the others stay. False while callbacks of its
    /// contexts are due.
    pub(crate) fn remove_plugin(&self, core: &Arc<PluginCore>) -> bool {
        let (others, awaiting_done) = match &*self.instance.borrow() {
            Some(instance) if instance.has(core.id) => {
                (instance.plugins().len() > 1, instance.has_awaiting_done())
            }
            _ => return true,
        };
        if awaiting_done {
            // How it failed is in the outbox.
            let _ = self.call(core, self.generation.get(), Instance::end_awaiting_done);
        }
        if self.has_endings_of(core.id) {
            return false;
        }
        if others {
            let _ = self.call(core, self.generation.get(), Instance::delete_root);
        } else {
            self.abandon_calls();
        }
        true
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    pub(crate) fn is_taken(&self) -> bool {
        // A borrowed instance is running.
        self.instance.try_borrow().map_or(true, |instance| instance.is_some())
    }

    /// True when the instance of `generation` still serves.
    pub(crate) fn serves(&self, generation: u64) -> bool {
        generation == self.generation.get() && self.is_taken()
    }

    /// When the next tick of a plugin is due.
    pub(crate) fn tick_due(&self, plugin: u64) -> Option<Instant> {
        self.instance.borrow().as_ref().and_then(|instance| instance.tick_due(plugin))
    }
}
