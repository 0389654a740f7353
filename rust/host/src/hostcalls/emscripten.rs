//! Emscripten's own functions (`system/include/emscripten/`), which return values instead of a status.

use std::time::Duration;

/// Milliseconds between two distinguishable readings of the clock.
pub(super) const RESOLUTION: f64 = 1e-6;

pub(super) fn milliseconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
}
