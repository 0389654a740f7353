//! `Host`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wasmgate_host::{
    self as host, Capability, Clock, HostOptions, LogLevel, MetricKind, Random, TraceLimits,
};

use crate::foreign;
use crate::statistics::{CallbackStatistics, PolicyStatistics};
use crate::trace::TraceEvent;

/// Shared data, queues, metrics and caches of one application.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Host(pub(crate) host::Host);

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (*, cache = None, log_level = 2, foreign_functions = None,
        asynchronous_functions = None, clock = None, seed = None))]
    fn new(
        cache: Option<PathBuf>,
        log_level: u32,
        foreign_functions: Option<HashMap<String, Py<PyAny>>>,
        asynchronous_functions: Option<Vec<String>>,
        clock: Option<u64>,
        seed: Option<u64>,
    ) -> PyResult<Self> {
        let log_level = LogLevel::from_number(log_level)
            .ok_or_else(|| PyValueError::new_err("log_level is 0 (trace) to 5 (critical)"))?;
        let functions = foreign::functions(
            foreign_functions.unwrap_or_default(),
            asynchronous_functions.unwrap_or_default(),
        )?;
        let clock = clock.map(Clock::stopped_at).unwrap_or_default();
        let random = seed.map(Random::seeded).unwrap_or_default();
        let options = HostOptions { cache, log_level, clock, random, functions };
        Ok(Self(host::Host::with(options)))
    }

    #[getter]
    fn cache(&self) -> Option<&Path> {
        self.0.cache()
    }

    fn misses(&self, module: &[u8]) -> bool {
        self.0.misses(module)
    }

    /// Moves a clock that was given.
    fn advance(&self, seconds: f64) -> PyResult<()> {
        let by = Duration::try_from_secs_f64(seconds)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        if self.0.advance(by) {
            return Ok(());
        }
        Err(not_stopped())
    }

    /// Sets the time of day of a clock that was given, in nanoseconds since 1970.
    #[setter(time)]
    fn set_time(&self, unix: u64) -> PyResult<()> {
        if self.0.set_unix_time(unix) { Ok(()) } else { Err(not_stopped()) }
    }

    /// Records every callback and hostcall from now on.
    #[pyo3(signature = (*, events = 10_000, size = 4_194_304, value = 256, secrets = false,
        stream = None))]
    fn record(&self, events: usize, size: usize, value: usize, secrets: bool, stream: Option<u64>) {
        self.0.record(TraceLimits { events, bytes: size, value, secrets, stream });
    }

    fn stop_recording(&self) {
        self.0.stop_recording();
    }

    /// The events since the last time, and how many there was no room for.
    fn take_trace(&self) -> (Vec<TraceEvent>, u64) {
        let (events, lost) = self.0.take_trace();
        (events.into_iter().map(TraceEvent::from).collect(), lost)
    }

    /// The value as a trace shows it.
    #[pyo3(signature = (value, name = None))]
    fn hide(&self, value: &[u8], name: Option<&[u8]>) -> Cow<'static, [u8]> {
        Cow::Owned(self.0.hide(name, value))
    }

    /// Nanoseconds since 1970 as policies see them.
    #[getter]
    fn time(&self) -> u64 {
        self.0.unix_time()
    }

    fn callbacks(&self) -> Vec<CallbackStatistics> {
        self.0.callbacks().into_iter().map(CallbackStatistics::from).collect()
    }

    fn policies(&self) -> Vec<PolicyStatistics> {
        self.0.policies().into_iter().map(PolicyStatistics::from).collect()
    }

    fn instances(&self) -> usize {
        self.0.instances()
    }

    fn contexts(&self) -> usize {
        self.0.contexts()
    }

    fn metrics(&self) -> Vec<(String, &'static str, i64)> {
        let metrics = self.0.metrics().into_iter();
        metrics.map(|metric| (metric.name, kind(metric.kind), metric.value)).collect()
    }

    fn deny(&self, policy: &str, capability: &str, value: &str) -> PyResult<()> {
        let Some(capability) = Capability::ALL.into_iter().find(|its| its.name() == capability)
        else {
            return Err(PyValueError::new_err("no such capability"));
        };
        self.0.deny(policy, capability, value);
        Ok(())
    }

    fn denials(&self) -> Vec<(String, &'static str, String, u64)> {
        let row = |its: host::Denial| {
            (its.policy.to_string(), its.capability.name(), its.value, its.count)
        };
        self.0.denials().into_iter().map(row).collect()
    }
}

fn not_stopped() -> PyErr {
    PyValueError::new_err("this host goes by the system's clock; make it with clock=…")
}

fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}
