//! What a policy does in the background of a thread: ticks, queues, callouts of no stream, and the
//! endings of streams that did not fit into their step. All of it together gets a share of the
//! thread's time, which is measured; what goes beyond it waits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::thread::held::{Held, Put};

use crate::context::outbox::outbox;
use crate::context::step;
use crate::plugin::core::PluginCore;
use crate::services::Services;
use crate::services::clock::Clock;
use crate::services::statistics::Statistics;
use crate::services::time_budget::TimeBudget;
use crate::types::callout::{Callout, CalloutAnswer};
use crate::types::effects::LogRecord;
use crate::types::ids::IdMap;
use crate::types::log_level::LogLevel;

/// How long requests may wait for the background of one policy: the size of the token bucket,
/// and the time of one callback before it costs more than its time.
const HOLD: Duration = Duration::from_millis(2);
/// The factor for the time of a callback beyond that. Of 100 requests at random
/// times fewer than one coincides with such a callback, so the 99th percentile of their latency hardly moves.
const LONG: u32 = 10;
/// The assumed time of the layer above for one callout: to start it, and to read the response.
const CALLOUT: Duration = Duration::from_micros(200);
/// The time between two log lines about deferred work.
const QUIET: Duration = Duration::from_mins(1);
/// The shortest wait for a share.
const SHORTEST: Duration = Duration::from_millis(1);

/// The share of one policy on this thread: all its plugins and tenants have it together.
pub(crate) struct Account {
    services: Arc<Services>,
    policy: Arc<str>,
    share: u32,
    budget: RefCell<TimeBudget>,
    held: RefCell<Held>,
    statistics: Arc<Statistics>,
    said: Cell<Option<Instant>>,
}

thread_local! {
    /// A callback runs in the background.
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the callback that runs does so in the background.
pub(crate) fn runs() -> bool {
    RUNS.get()
}

impl Account {
    pub(crate) fn new(core: &PluginCore) -> Self {
        let services = Arc::clone(&core.services);
        let share = core.spec.limits.background_share;
        let budget = TimeBudget::new(share, HOLD, services.clock().now());
        let statistics = services.statistics(&core.name);
        Self {
            services,
            policy: Arc::clone(&core.name),
            share,
            budget: RefCell::new(budget),
            held: RefCell::default(),
            statistics,
            said: Cell::new(None),
        }
    }

    /// Whether it is of this policy.
    fn is_of(&self, core: &PluginCore) -> bool {
        self.policy == core.name && Arc::ptr_eq(&self.services, &core.services)
    }

    /// How long nothing may run in the background; zero: a callback may run now.
    pub(crate) fn wait(&self) -> Duration {
        let wait = self.budget.borrow_mut().wait(self.services.clock().now());
        wait.map_or(Duration::ZERO, |wait| wait.max(SHORTEST))
    }

    fn is_free(&self) -> bool {
        self.wait().is_zero()
    }

    /// Whether a callback may run in the background: not before what waits here.
    pub(crate) fn may_run(&self) -> bool {
        !self.holds_something() && self.is_free()
    }

    /// Runs a callback in the background, which costs its time.
    pub(crate) fn run<R>(&self, callback: impl FnOnce() -> R) -> R {
        let began = self.services.clock().stopwatch();
        let (fuel, before) = (step::burnt(), RUNS.replace(true));
        let outcome = step::cause(callback);
        RUNS.set(before);
        let fuel = step::burnt().wrapping_sub(fuel);
        self.budget.borrow_mut().spend(cost(Clock::took(began, fuel)));
        outcome
    }

    /// Counts deferred callbacks, and logs them.
    pub(crate) fn put_off(&self, callbacks: usize) {
        self.statistics.put_off(callbacks);
        let now = self.services.clock().now();
        let quiet = |said: Instant| now.saturating_duration_since(said) < QUIET;
        if self.said.get().is_some_and(quiet) || LogLevel::Warn < self.services.log_level() {
            return;
        }
        self.said.set(Some(now));
        let message = if self.is_free() {
            "one step asked for more callbacks than `step_callbacks` and `step_fuel` allow: the \
             rest waits for the next turn of the event loop"
                .to_owned()
        } else {
            format!(
                "its work in the background (ticks, queues, callouts) waits: it used up its \
                 `background_share` of {} % of the thread's time",
                f64::from(self.share) / 10_000.0
            )
        };
        let policy = Arc::clone(&self.policy);
        outbox(|out| out.logs.push(LogRecord { policy, level: LogLevel::Warn, message }));
    }

    /// Gives a callout to the layer above, now or later.
    pub(crate) fn give(&self, callout: Callout) {
        if self.held.borrow().is_empty() && self.is_free() {
            self.give_now(callout);
        } else {
            let id = callout.id;
            let ends = self.held.borrow_mut().hold_callout(callout);
            self.later(ends.then_some(id));
        }
    }

    /// Work was deferred; a callout that is no longer read may end.
    fn later(&self, ended: Option<u64>) {
        outbox(|out| {
            out.cancelled.extend(ended);
            out.timers = true;
        });
        self.put_off(1);
    }

    fn give_now(&self, callout: Callout) {
        self.budget.borrow_mut().spend(CALLOUT);
        outbox(|out| out.callouts.push(callout));
    }

    /// Whether a callout waits here, so that what belongs to it waits behind it.
    pub(crate) fn holds(&self, callout: u64) -> bool {
        self.held.borrow().has(callout)
    }

    /// Defers the response to a callout; returns it if it may be delivered now.
    pub(crate) fn hold(&self, callout: u64, answer: CalloutAnswer) -> Option<CalloutAnswer> {
        if self.held.borrow().is_empty() && self.is_free() {
            return Some(answer);
        }
        let ends = self.held.borrow_mut().hold_answer(callout, answer);
        self.later(ends.then_some(callout));
        None
    }

    /// Cancels a callout; true if the layer above never got it.
    pub(crate) fn forget(&self, callout: u64) -> bool {
        self.held.borrow_mut().forget(callout)
    }

    /// Whether work is deferred here.
    pub(crate) fn holds_something(&self) -> bool {
        !self.held.borrow().is_empty()
    }

    /// Takes the oldest deferred work, if it may run. A callout is given to the layer above.
    pub(crate) fn release_one(&self) -> Option<Released> {
        if !self.holds_something() || !self.is_free() {
            return None;
        }
        let next = self.held.borrow_mut().next()?;
        Some(match next {
            Put::Callout(callout) => {
                self.give_now(callout);
                Released::Callout
            }
            Put::Answer(callout, answer) => Released::Answer(callout, answer),
        })
    }
}

/// Work that waited for its policy's share.
pub(crate) enum Released {
    Callout,
    /// A response for its policy.
    Answer(u64, CalloutAnswer),
}

thread_local! {
    /// By plugin.
    static ACCOUNTS: RefCell<IdMap<u64, Rc<Account>>> = RefCell::default();
}

/// The account of a plugin's policy, from now on that of the plugin.
pub(crate) fn open(core: &PluginCore) -> Rc<Account> {
    ACCOUNTS.with_borrow_mut(|accounts| {
        let known = accounts.values().find(|account| account.is_of(core));
        let account = known.map_or_else(|| Rc::new(Account::new(core)), Rc::clone);
        accounts.insert(core.id, Rc::clone(&account));
        account
    })
}

/// The account of a plugin that has a slot on this thread.
pub(crate) fn find(plugin: u64) -> Option<Rc<Account>> {
    // A thread that is ending may have lost its accounts.
    ACCOUNTS.try_with(|accounts| accounts.borrow().get(&plugin).cloned()).ok().flatten()
}

/// The plugin's slot has ended.
pub(crate) fn close(plugin: u64) {
    let closed = ACCOUNTS.try_with(|accounts| accounts.borrow_mut().remove(&plugin));
    drop(closed);
}

/// The cost of a callback that took this time.
fn cost(took: Duration) -> Duration {
    took.saturating_add(took.saturating_sub(HOLD).saturating_mul(LONG - 1))
}
