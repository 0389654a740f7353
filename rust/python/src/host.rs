//! `Host`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wasmgate_host::{self as host, LogLevel, MetricKind};

use crate::foreign;

/// Shared data, queues, metrics and caches of one application.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Host(pub(crate) host::Host);

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (*, cache = None, log_level = 2, foreign_functions = None,
        asynchronous_functions = None))]
    fn new(
        cache: Option<PathBuf>,
        log_level: u32,
        foreign_functions: Option<HashMap<String, Py<PyAny>>>,
        asynchronous_functions: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let level = LogLevel::from_number(log_level)
            .ok_or_else(|| PyValueError::new_err("log_level is 0 (trace) to 5 (critical)"))?;
        let functions = foreign::functions(
            foreign_functions.unwrap_or_default(),
            asynchronous_functions.unwrap_or_default(),
        )?;
        Ok(Self(host::Host::with_functions(cache, level, functions)))
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
}

fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}
