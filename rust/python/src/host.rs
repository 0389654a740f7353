//! `Host`.

use std::path::{Path, PathBuf};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wasmgate_host::{self as host, LogLevel, MetricKind};

/// Shared data, queues, metrics and caches of one application.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Host(pub(crate) host::Host);

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (*, cache = None, log_level = 2))]
    fn new(cache: Option<PathBuf>, log_level: u32) -> PyResult<Self> {
        let level = LogLevel::from_number(log_level)
            .ok_or_else(|| PyValueError::new_err("log_level is 0 (trace) to 5 (critical)"))?;
        Ok(Self(host::Host::new(cache, level)))
    }

    #[getter]
    fn cache(&self) -> Option<&Path> {
        self.0.cache()
    }

    fn misses(&self, module: &[u8]) -> bool {
        self.0.misses(module)
    }

    fn instances(&self) -> usize {
        self.0.instances()
    }

    fn metrics(&self) -> Vec<(String, &'static str, i64)> {
        let metrics = self.0.metrics().into_iter();
        metrics.map(|metric| (metric.name, kind(metric.kind), metric.value)).collect()
    }

    fn denials(&self) -> Vec<(String, &'static str, String, u64)> {
        let row = |its: host::Denial| {
            (its.policy.to_string(), its.capability.name(), its.value, its.count)
        };
        self.0.denials().into_iter().map(row).collect()
    }
}

fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}
