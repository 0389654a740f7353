//! What one step causes beside the callbacks that it was made for.
//!
//! A step is everything that runs because of one call from above: a phase of a stream, an answer, a
//! turn of ticks. Values in queues and `proxy_done` bring more callbacks, each with its own fuel, so
//! their number and their fuel together are bounded; what is left waits for the loop's next turn.

use std::cell::Cell;

use crate::types::limits::Limits;

/// What a step has caused so far.
#[derive(Clone, Copy)]
struct Caused {
    callbacks: u32,
    fuel: u64,
    /// Such a callback runs.
    runs: bool,
}

const NOTHING: Caused = Caused { callbacks: 0, fuel: 0, runs: false };

thread_local! {
    static CAUSED: Cell<Caused> = const { Cell::new(NOTHING) };
    /// Units that all callbacks of this thread used.
    static BURNT: Cell<u64> = const { Cell::new(0) };
}

/// A step begins.
#[inline]
pub(crate) fn begin() {
    CAUSED.set(NOTHING);
}

/// Whether one more callback of a policy with these limits fits into this step, should it use all of
/// its fuel. The first one always does.
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

/// Notes units that a callback used.
#[inline]
pub(crate) fn burn(units: u64) {
    BURNT.set(BURNT.get().wrapping_add(units));
    let caused = CAUSED.get();
    if caused.runs {
        CAUSED.set(Caused { fuel: caused.fuel.saturating_add(units), ..caused });
    }
}

/// Units that all callbacks of this thread used so far.
pub(crate) fn burnt() -> u64 {
    BURNT.get()
}
