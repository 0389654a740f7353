//! The instance of a VM on this thread, replaced when it crashes.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::callouts;
use crate::effects::LogRecord;
use crate::instance::Instance;
use crate::instances::outbox;
use crate::plugin::PluginCore;
use crate::{Error, LogLevel, stream_state};

/// Crashes further apart than this do not count together.
const WINDOW: Duration = Duration::from_secs(10);
/// The first back-off; it doubles with each further crash in the window.
const BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// Where the plugins of a VM have their instance.
#[derive(Default)]
pub(crate) struct Place {
    instance: RefCell<Option<Instance>>,
    generation: Cell<u64>,
    crashes: Cell<u32>,
    last_crash: Cell<Option<Instant>>,
    retry_at: Cell<Option<Instant>>,
}

impl Place {
    /// Makes sure that there is an instance with a root context of `core`; its generation.
    pub(crate) fn ready(&self, core: &Arc<PluginCore>) -> Result<u64, Error> {
        if let Some(instance) = &*self.instance.borrow()
            && instance.has(core.id)
        {
            return Ok(self.generation.get());
        }
        if self.retry_at.get().is_some_and(|at| core.host.clock().now() < at) {
            return Err(Error::BackOff);
        }
        if self.is_taken() {
            self.join(core)?;
        } else {
            self.replace(core, &[])?;
        }
        Ok(self.generation.get())
    }

    /// Another plugin comes into the instance. One that refuses its configuration stays out, and
    /// the others go on.
    fn join(&self, core: &Arc<PluginCore>) -> Result<(), Error> {
        let joined = match &mut *self.instance.borrow_mut() {
            Some(instance) => {
                let joined = instance.join(core);
                self.hand_over(instance);
                joined
            }
            None => Err(Error::InstanceGone),
        };
        match joined {
            Ok(()) => {
                let ticks = self.tick_due(core.id).is_some();
                outbox(|out| out.timers |= ticks);
                Ok(())
            }
            Err(error @ Error::Refused { .. }) => {
                self.note_crash(core);
                Err(error)
            }
            Err(error) => {
                self.crashed(core, &error, |other| other.id != core.id);
                Err(error)
            }
        }
    }

    /// Starts an instance with `core`, and with `others` if they can be there again.
    fn replace(&self, core: &Arc<PluginCore>, others: &[Arc<PluginCore>]) -> Result<(), Error> {
        let started = Instance::start(Arc::clone(core));
        let mut instance = started.inspect_err(|_| {
            self.note_crash(core);
        })?;
        self.generation.set(self.generation.get() + 1);
        self.hand_over(&mut instance);
        for other in others {
            // One that crashes now is not started again before its next request.
            if let Err(error) = instance.join(other)
                && !matches!(error, Error::Refused { .. })
            {
                self.note_crash(core);
                callouts::cancel(&instance.calls().abandon());
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
    /// replaced and the streams that it served are told.
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
            let mut place = self.instance.borrow_mut();
            let Some(instance) = place.as_mut() else { return Err(Error::InstanceGone) };
            // Between callbacks an instance is at rest.
            if core.module.moves() {
                instance.improve();
            }
            instance.turn_to(core)?;
            let outcome = callback(instance);
            if outcome.is_ok() && !instance.has_news {
                return outcome;
            }
            outcome
        };
        let outcome = outcome.and_then(|answer| self.after().map(|()| answer));
        outcome.inspect_err(|error| self.crashed(core, error, |_| true))
    }

    /// What a callback asked beyond its own stream.
    #[cold]
    fn after(&self) -> Result<(), Error> {
        let ended = {
            let mut place = self.instance.borrow_mut();
            let Some(instance) = place.as_mut() else { return Ok(()) };
            let ended = instance.end_finished()?;
            self.hand_over(instance);
            instance.has_news = false;
            ended
        };
        for (key, position) in ended {
            stream_state::leave(key, position);
        }
        Ok(())
    }

    /// Gives what the instance asked of others to the layer above.
    fn hand_over(&self, instance: &mut Instance) {
        let calls = instance.calls();
        if calls.has_news() {
            callouts::hand_over(self.generation.get(), calls);
        }
    }

    /// How many contexts of streams the guest has; none of one that is at work.
    pub(crate) fn contexts(&self) -> usize {
        let instance = self.instance.try_borrow();
        instance.map_or(0, |instance| instance.as_ref().map_or(0, Instance::contexts))
    }

    /// Lets the instance report what it counted, unless it runs: then it asks from inside of its
    /// callback.
    pub(crate) fn report(&self) {
        if let Ok(mut place) = self.instance.try_borrow_mut()
            && let Some(instance) = place.as_mut()
        {
            instance.report();
        }
    }

    /// Nobody waits any more for what the instance asked of others.
    fn abandon_calls(&self) {
        if let Some(instance) = self.instance.borrow_mut().as_mut() {
            callouts::cancel(&instance.calls().abandon());
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
        for key in &streams {
            stream_state::vacate(*key);
        }
        let (policy, message) = (Arc::clone(&core.name), error.to_string());
        outbox(|out| {
            out.logs.push(LogRecord { policy, level: LogLevel::Critical, message });
            out.wake.extend(&streams);
        });
        if self.note_crash(core) == 1
            && let Some((first, others)) = plugins.split_first()
        {
            // How it failed counts as a crash, and the next request hears of it.
            let _ = self.replace(first, others);
        }
    }

    /// Counts a crash; from the second one within the window the VM is held back.
    fn note_crash(&self, core: &PluginCore) -> u32 {
        let now = core.host.clock().now();
        let recent = self.last_crash.get().is_some_and(|last| now - last < WINDOW);
        let crashes = if recent { self.crashes.get() + 1 } else { 1 };
        self.crashes.set(crashes);
        self.last_crash.set(Some(now));
        let wait = BACK_OFF.saturating_mul(1 << (crashes.saturating_sub(2)).min(16));
        let held = crashes > 1;
        self.retry_at.set(held.then(|| now + wait.min(LONGEST_BACK_OFF)));
        crashes
    }

    /// A plugin is gone: its root context ends, the others go on.
    pub(crate) fn leave(&self, core: &Arc<PluginCore>) {
        let (others, parked) = match &*self.instance.borrow() {
            Some(instance) if instance.has(core.id) => {
                (instance.plugins().len() > 1, instance.has_parked())
            }
            _ => return,
        };
        if parked {
            // How it failed is in the outbox.
            let _ = self.call(core, self.generation.get(), Instance::end_parked);
        }
        if others {
            let _ = self.call(core, self.generation.get(), Instance::leave);
        } else {
            self.abandon_calls();
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    pub(crate) fn is_taken(&self) -> bool {
        // One that is borrowed is at work.
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
