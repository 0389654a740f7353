//! What a policy does in the background of a thread: ticks, queues, callouts of no stream, and the
//! endings of streams that did not fit into their step. All of it together gets a share of the
//! thread's time, which is measured; what goes beyond it waits.

mod held;
mod turn;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use turn::turn;

use self::held::{Held, Put};

use crate::callouts::{Callout, CalloutAnswer};
use crate::effects::LogRecord;
use crate::instances::outbox;
use crate::plugin::PluginCore;
use crate::statistics::Statistics;
use crate::time_budget::TimeBudget;
use crate::{Clock, Host, LogLevel, callouts, step};

/// How long requests may wait for what one policy does in the background: what is saved up at most,
/// and what one callback may take before it costs more than its time.
const HOLD: Duration = Duration::from_millis(2);
/// What a callback takes beyond that costs so many times as much. Of 100 requests that come at any
/// time fewer than one meets such a callback, so the 99th percentile of their latency hardly moves.
const LONG: u32 = 10;
/// What the layer above is taken to need for one callout: to begin it, and to read the answer.
const CALLOUT: Duration = Duration::from_micros(200);
/// A line about what waits is written once in this time.
const QUIET: Duration = Duration::from_mins(1);
/// The shortest wait for a share.
const SHORTEST: Duration = Duration::from_millis(1);

/// The share of one policy on this thread: all its plugins and tenants have it together.
pub(crate) struct Account {
    host: Host,
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
        let (host, share) = (core.host.clone(), core.spec.limits.background_share);
        let budget = TimeBudget::new(share, HOLD, host.clock().now());
        let statistics = host.statistics(&core.name);
        Self {
            host,
            policy: Arc::clone(&core.name),
            share,
            budget: RefCell::new(budget),
            held: RefCell::default(),
            statistics,
            said: Cell::new(None),
        }
    }

    /// Whether it is of this policy.
    pub(crate) fn is_of(&self, core: &PluginCore) -> bool {
        self.policy == core.name && self.host.is(&core.host)
    }

    /// How long nothing may run in the background; zero: it may now.
    pub(crate) fn wait(&self) -> Duration {
        let wait = self.budget.borrow_mut().wait(self.host.clock().now());
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
        let began = self.host.clock().stopwatch();
        let (fuel, before) = (step::burnt(), RUNS.replace(true));
        let outcome = step::cause(callback);
        RUNS.set(before);
        let fuel = step::burnt().wrapping_sub(fuel);
        self.budget.borrow_mut().spend(cost(Clock::took(began, fuel)));
        outcome
    }

    /// Counts what waits, and says so now and then.
    pub(crate) fn put_off(&self, callbacks: usize) {
        self.statistics.put_off(callbacks);
        let now = self.host.clock().now();
        let quiet = |said: Instant| now.saturating_duration_since(said) < QUIET;
        if self.said.get().is_some_and(quiet) || LogLevel::Warn < self.host.log_level() {
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

    /// Gives a callout to the layer above, now or when its turn comes.
    pub(crate) fn give(&self, callout: Callout) {
        if self.held.borrow().is_empty() && self.is_free() {
            self.give_now(callout);
        } else {
            let id = callout.id;
            let ends = self.held.borrow_mut().hold_callout(callout);
            self.later(ends.then_some(id));
        }
    }

    /// Something waits from now on; a callout of which no more is read may end.
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

    /// Brings the answer to a callout, now or when its turn comes.
    pub(crate) fn answer(&self, callout: u64, answer: CalloutAnswer) {
        if self.held.borrow().is_empty() && self.is_free() {
            callouts::bring(callout, answer);
        } else {
            let ends = self.held.borrow_mut().hold_answer(callout, answer);
            self.later(ends.then_some(callout));
        }
    }

    /// A callout is cancelled; true if it never went to the layer above.
    pub(crate) fn forget(&self, callout: u64) -> bool {
        self.held.borrow_mut().forget(callout)
    }

    /// Whether something waits here.
    pub(crate) fn holds_something(&self) -> bool {
        !self.held.borrow().is_empty()
    }

    /// Lets go of what waits longest, if it may; whether it did.
    pub(crate) fn let_one_go(&self) -> bool {
        if !self.holds_something() || !self.is_free() {
            return false;
        }
        let next = self.held.borrow_mut().next();
        match next {
            None => return false,
            Some(Put::Callout(callout)) => self.give_now(callout),
            Some(Put::Answer(callout, answer)) => callouts::bring(callout, answer),
        }
        true
    }
}

/// What a callback costs that took so long.
fn cost(took: Duration) -> Duration {
    took.saturating_add(took.saturating_sub(HOLD).saturating_mul(LONG - 1))
}
