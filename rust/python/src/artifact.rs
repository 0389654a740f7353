//! `compile_artifact()`, `trim_memory()`.

use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use wasmgate_host::{self as host, ArtifactError, Tier};

/// Compiles a module into the cache in the folder `cache`. The process that calls it has no package
/// `wasmgate`, so what it raises is Python's own.
#[pyfunction]
#[pyo3(signature = (module, *, cache, tier))]
pub(crate) fn compile_artifact(
    module: &[u8],
    cache: PathBuf,
    tier: &str,
) -> PyResult<&'static str> {
    let tier = Tier::of_name(tier).ok_or_else(|| PyValueError::new_err("no such tier"))?;
    match host::compile_artifact(module, cache, tier) {
        Ok(tier) => Ok(tier.name()),
        Err(ArtifactError::Load(error)) => Err(PyValueError::new_err(error.to_string())),
        Err(ArtifactError::Cache(problem)) => Err(PyOSError::new_err(problem)),
    }
}

/// Gives memory that is free back to the operating system.
#[pyfunction]
pub(crate) fn trim_memory(py: Python<'_>) {
    py.detach(host::trim_memory);
}
