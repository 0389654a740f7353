//! `TraceEvent`.

use pyo3::prelude::*;
use wasmgate_host as host;

/// One callback or one hostcall.
#[pyclass(frozen, module = "wasmgate._native", get_all)]
pub(crate) struct TraceEvent {
    hostcall: bool,
    policy: String,
    stream: Option<u64>,
    context: u32,
    name: String,
    arguments: Vec<(&'static str, String)>,
    results: Vec<(&'static str, String)>,
    outcome: String,
    reason: Option<String>,
    fuel: u64,
    nanoseconds: u64,
}

impl From<host::TraceEvent> for TraceEvent {
    fn from(event: host::TraceEvent) -> Self {
        Self {
            hostcall: event.hostcall,
            policy: event.policy.to_string(),
            stream: event.stream,
            context: event.context,
            name: event.name,
            arguments: event.arguments,
            results: event.results,
            outcome: event.outcome,
            reason: event.reason,
            fuel: event.fuel,
            nanoseconds: event.nanoseconds,
        }
    }
}
