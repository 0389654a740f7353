//! The instances of this thread, and what they ask of the layer above.
//!
//! A wasmer `Store` is not `Send`, so an instance belongs to its thread, as in Envoy. The first one
//! is made at the first use on the thread; one that crashed is replaced.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::callouts;
use crate::effects::{Effects, LogRecord};
use crate::ids::IdMap;
use crate::instance::Instance;
use crate::plugin::PluginCore;
use crate::{Callout, Error, Host, LogLevel, stream_state};

/// Crashes further apart than this do not count together.
const WINDOW: Duration = Duration::from_secs(10);
/// The first back-off; it doubles with each further crash in the window.
const BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// What the callbacks of this thread asked for since the last crossing.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) wake: Vec<u64>,
    pub(crate) timers: bool,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) cancelled: Vec<u64>,
    /// (plugin, queue) pairs to be told of a value.
    pub(crate) queues: Vec<(u64, u32)>,
}

thread_local! {
    static SLOTS: RefCell<IdMap<u64, Rc<Slot>>> = RefCell::default();
    static OUTBOX: RefCell<Outbox> = RefCell::default();
    static SEEN_RETIRED: Cell<usize> = const { Cell::new(0) };
}

/// Ids of plugins that are gone, for every thread to look through once.
static RETIRED: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static RETIRED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Works on what this thread's callbacks asked for.
pub(crate) fn outbox<R>(work: impl FnOnce(&mut Outbox) -> R) -> R {
    OUTBOX.with_borrow_mut(work)
}

impl Outbox {
    /// Moves what was asked for to where it goes over the border; queues stay.
    pub(crate) fn empty_into(&mut self, effects: &mut Effects) {
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

/// The place of a plugin's instance on this thread.
pub(crate) struct Slot {
    this: Weak<Slot>,
    core: Arc<PluginCore>,
    instance: RefCell<Option<Instance>>,
    /// Grows with each instance, so that a stream knows whether its own is still there.
    generation: Cell<u64>,
    crashes: Cell<u32>,
    last_crash: Cell<Option<Instant>>,
    retry_at: Cell<Option<Instant>>,
}

/// The slot of a plugin on this thread.
pub(crate) fn slot(core: &Arc<PluginCore>) -> Rc<Slot> {
    release_retired();
    SLOTS.with_borrow_mut(|slots| {
        let slot = slots.entry(core.id).or_insert_with(|| {
            Rc::new_cyclic(|this| Slot {
                this: this.clone(),
                core: Arc::clone(core),
                instance: RefCell::new(None),
                generation: Cell::new(0),
                crashes: Cell::new(0),
                last_crash: Cell::new(None),
                retry_at: Cell::new(None),
            })
        });
        Rc::clone(slot)
    })
}

/// A plugin is gone: this thread's instance goes now, other threads' when they next look.
pub(crate) fn retire(id: u64) {
    RETIRED.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    RETIRED_COUNT.fetch_add(1, Ordering::Release);
    release_retired();
}

/// Instances of a host's plugins on this thread.
pub(crate) fn count(host: &Host) -> usize {
    release_retired();
    SLOTS.with_borrow(|slots| {
        let slots = slots.values().filter(|slot| slot.core.host.is(host));
        // One that is borrowed is at work.
        slots.filter(|slot| slot.instance.try_borrow().map_or(true, |it| it.is_some())).count()
    })
}

fn release_retired() {
    // A thread that is ending has no slots any more.
    let Ok(seen) = SEEN_RETIRED.try_with(Cell::get) else { return };
    if seen == RETIRED_COUNT.load(Ordering::Acquire) {
        return;
    }
    let retired: Vec<u64> = {
        let list = RETIRED.lock().unwrap_or_else(PoisonError::into_inner);
        list.get(seen..).unwrap_or_default().to_vec()
    };
    let released: Option<Vec<Rc<Slot>>> = SLOTS
        .try_with(|slots| {
            let mut slots = slots.try_borrow_mut().ok()?;
            Some(retired.iter().filter_map(|id| slots.remove(id)).collect())
        })
        .unwrap_or_default();
    if let Some(released) = released {
        SEEN_RETIRED.set(seen + retired.len());
        for slot in released {
            slot.abandon_calls();
        }
    }
}

impl Slot {
    /// Makes sure that there is an instance; its generation.
    pub(crate) fn ready(&self) -> Result<u64, Error> {
        if self.instance.borrow().is_some() {
            return Ok(self.generation.get());
        }
        if self.retry_at.get().is_some_and(|at| self.core.host.clock().now() < at) {
            return Err(Error::BackOff);
        }
        self.replace()?;
        Ok(self.generation.get())
    }

    fn replace(&self) -> Result<(), Error> {
        match Instance::start(Arc::clone(&self.core)) {
            Ok(mut instance) => {
                let ticks = instance.tick_due().is_some();
                self.generation.set(self.generation.get() + 1);
                self.hand_over(&mut instance);
                *self.instance.borrow_mut() = Some(instance);
                outbox(|out| out.timers |= ticks);
                Ok(())
            }
            Err(error) => {
                self.note_crash();
                Err(error)
            }
        }
    }

    /// Runs a callback of the instance of `generation`. If it crashes, the instance is replaced and
    /// the streams that it served are told.
    pub(crate) fn call<R>(
        &self,
        generation: u64,
        callback: impl FnOnce(&mut Instance) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if generation != self.generation.get() {
            return Err(Error::InstanceGone);
        }
        let outcome = {
            let mut place = self.instance.borrow_mut();
            let instance = place.as_mut().ok_or(Error::InstanceGone)?;
            // Between callbacks an instance is at rest.
            if self.core.module.moves() {
                instance.improve();
            }
            let outcome =
                callback(instance).and_then(|answer| Ok((answer, instance.end_finished()?)));
            if outcome.is_ok() {
                self.hand_over(instance);
            }
            outcome
        };
        match outcome {
            Ok((answer, ended)) => {
                for (key, position) in ended {
                    stream_state::leave(key, position);
                }
                Ok(answer)
            }
            Err(error) => {
                self.crashed(&error);
                Err(error)
            }
        }
    }

    /// Gives what the instance asked of others to the layer above.
    fn hand_over(&self, instance: &mut Instance) {
        let calls = instance.calls();
        if calls.has_news() {
            callouts::hand_over(&self.this, self.generation.get(), calls);
        }
    }

    /// Nobody waits any more for what the instance asked of others.
    fn abandon_calls(&self) {
        if let Ok(mut place) = self.instance.try_borrow_mut()
            && let Some(instance) = place.as_mut()
        {
            callouts::cancel(&instance.calls().abandon());
        }
    }

    fn crashed(&self, error: &Error) {
        self.abandon_calls();
        let instance = self.instance.borrow_mut().take();
        let streams = instance.as_ref().map(Instance::streams).unwrap_or_default();
        drop(instance);
        let (policy, message) = (Arc::clone(&self.core.name), error.to_string());
        outbox(|out| {
            out.logs.push(LogRecord { policy, level: LogLevel::Critical, message });
            out.wake.extend(&streams);
        });
        if self.note_crash() == 1 && self.replace().is_err() {
            self.generation.set(self.generation.get() + 1);
        }
    }

    /// Counts a crash; from the second one within the window the policy is held back.
    fn note_crash(&self) -> u32 {
        let now = self.core.host.clock().now();
        let recent = self.last_crash.get().is_some_and(|last| now - last < WINDOW);
        let crashes = if recent { self.crashes.get() + 1 } else { 1 };
        self.crashes.set(crashes);
        self.last_crash.set(Some(now));
        let wait = BACK_OFF.saturating_mul(1 << (crashes.saturating_sub(2)).min(16));
        let held = crashes > 1;
        self.retry_at.set(held.then(|| now + wait.min(LONGEST_BACK_OFF)));
        crashes
    }

    /// True when the instance of `generation` still serves.
    pub(crate) fn serves(&self, generation: u64) -> bool {
        generation == self.generation.get() && self.instance.borrow().is_some()
    }

    /// When the next tick is due on this thread.
    pub(crate) fn tick_due(&self) -> Option<Instant> {
        self.instance.borrow().as_ref().and_then(Instance::tick_due)
    }

    /// How long it is until then.
    pub(crate) fn tick_wait(&self) -> Option<Duration> {
        let due = self.tick_due()?;
        Some(due.saturating_duration_since(self.core.host.clock().now()))
    }

    /// Runs the tick if it is due.
    pub(crate) fn tick(&self) {
        let now = self.core.host.clock().now();
        if self.tick_due().is_some_and(|due| due <= now) {
            // How it failed is in the outbox; there is no stream to answer.
            let _ = self.call(self.generation.get(), |instance| instance.on_tick(now));
        }
    }
}

/// Tells plugins of this thread about values in their queues.
pub(crate) fn deliver_queues() {
    // A callback may queue again; one round a crossing keeps two policies from playing ping-pong
    // within it.
    let waiting = outbox(|out| std::mem::take(&mut out.queues));
    for (plugin, queue) in waiting {
        let slot = SLOTS.with_borrow(|slots| slots.get(&plugin).cloned());
        if let Some(slot) = slot {
            let _ = slot.call(slot.generation.get(), |instance| instance.on_queue_ready(queue));
        }
    }
}
