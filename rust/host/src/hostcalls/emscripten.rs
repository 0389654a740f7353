//! Emscripten's own functions (`system/include/emscripten/`), which answer values in place of a status.

use std::time::Duration;

use wasmer::Value;

use crate::services::clock::Clock;

/// Milliseconds between two readings that differ.
const RESOLUTION: f64 = 1e-6;

/// What the function `name` gives.
pub(super) fn answer(clock: &Clock, name: &str, arguments: &[Value]) -> Vec<Value> {
    match name {
        "pthread_equal" => vec![Value::I32((arguments.first() == arguments.last()).into())],
        "emscripten_get_now" => vec![milliseconds(clock.monotonic())],
        "emscripten_date_now" => vec![milliseconds(clock.unix())],
        "emscripten_get_now_res" => vec![Value::F64(RESOLUTION)],
        "_emscripten_get_now_is_monotonic" => vec![Value::I32(1)],
        _ => Vec::new(),
    }
}

fn milliseconds(nanoseconds: u64) -> Value {
    Value::F64(Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3)
}
