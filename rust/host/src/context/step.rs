//! The budget of a step for callbacks that it causes indirectly.
//!
//! A step is everything that one call from above runs: a phase of a stream, a response to a callout, a
//! turn of ticks. Values in queues and `proxy_done` cause more callbacks, each with its own fuel, so their
//! number and their total fuel are bounded; the others are deferred to the loop's next turn.

use std::cell::Cell;

use crate::types::limits::Limits;

/// The callbacks that a step has caused so far.
#[derive(Clone, Copy)]
struct Caused {
    callbacks: u32,
    fuel: u64,
    /// Whether such a callback runs.
    runs: bool,
}

const NOTHING: Caused = Caused { callbacks: 0, fuel: 0, runs: false };

thread_local! {
    static CAUSED: Cell<Caused> = const { Cell::new(NOTHING) };
    /// Fuel that all callbacks of this thread have used.
    static BURNT: Cell<u64> = const { Cell::new(0) };
}

/// Begins a step.
#[inline]
pub(crate) fn begin() {
    CAUSED.set(NOTHING);
}

/// Whether the step's budget has room for one more callback of a policy with these limits, should the
/// callback use all of its fuel. The first one is always admitted.
pub(crate) fn admits(limits: &Limits) -> bool {
    let Caused { callbacks, fuel, .. } = CAUSED.get();
    let room = limits.step_fuel.max(limits.fuel);
    callbacks == 0
        || (callbacks < limits.step_callbacks && fuel.saturating_add(limits.fuel) <= room)
}

/// Runs one callback that this step causes.
pub(crate) fn cause<R>(callback: impl FnOnce() -> R) -> R {
    let before = CAUSED.get();
    CAUSED.set(Caused { callbacks: before.callbacks + 1, runs: true, ..before });
    let outcome = callback();
    CAUSED.set(Caused { runs: before.runs, ..CAUSED.get() });
    outcome
}

/// Records fuel that a callback used.
#[inline]
pub(crate) fn burn(units: u64) {
    BURNT.set(BURNT.get().wrapping_add(units));
    let caused = CAUSED.get();
    if caused.runs {
        CAUSED.set(Caused { fuel: caused.fuel.saturating_add(units), ..caused });
    }
}

/// Fuel that all callbacks of this thread have used so far.
pub(crate) fn burnt() -> u64 {
    BURNT.get()
}
