//! `Module`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use wasmgate_host::{Limits, LoadedModule};

use crate::errors;
use crate::host::Host;

/// A module checked and in machine code.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Module(pub(crate) LoadedModule);

#[pymethods]
impl Module {
    #[new]
    #[pyo3(signature = (host, wasm, *, policy, memory))]
    fn new(
        py: Python<'_>,
        host: &Host,
        wasm: PyBackedBytes,
        policy: &str,
        memory: u64,
    ) -> PyResult<Self> {
        let (host, limits) = (host.0.clone(), limited(memory));
        // Compiling takes up to some seconds, and touches nothing of Python.
        let module = py.detach(|| LoadedModule::load(&host, &wasm, &limits));
        module.map(Self).map_err(|error| errors::raise_load(py, policy, &error.into()))
    }

    /// `None` for what is not in the cache, or where none can be used.
    #[staticmethod]
    #[pyo3(signature = (host, wasm, *, policy, memory))]
    fn find(
        py: Python<'_>,
        host: &Host,
        wasm: PyBackedBytes,
        policy: &str,
        memory: u64,
    ) -> PyResult<Option<Self>> {
        let (host, limits) = (host.0.clone(), limited(memory));
        let found = py.detach(|| LoadedModule::find(&host, &wasm, &limits));
        let found = found.map_err(|error| errors::raise_load(py, policy, &error.into()))?;
        Ok(found.map(Self))
    }

    /// `None` for what is not in the folder.
    #[staticmethod]
    #[pyo3(signature = (folder, wasm, *, policy, memory))]
    fn take(
        py: Python<'_>,
        folder: PathBuf,
        wasm: PyBackedBytes,
        policy: &str,
        memory: u64,
    ) -> PyResult<Option<Self>> {
        let limits = limited(memory);
        let found = py.detach(|| LoadedModule::take(&folder, &wasm, &limits));
        let found = found.map_err(|error| errors::raise_load(py, policy, &error.into()))?;
        Ok(found.map(Self))
    }
}

/// The limits that a module must know before it is started.
fn limited(memory: u64) -> Limits {
    Limits { memory, ..Limits::default() }
}
