//! `Module`.

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

    /// `None` for what could be in the cache and is not.
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
}

/// The limits that a module must know before it is started.
fn limited(memory: u64) -> Limits {
    Limits { memory, ..Limits::default() }
}
