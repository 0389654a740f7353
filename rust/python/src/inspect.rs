//! `inspect()`.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors;

/// What a module says about itself.
#[pyfunction]
pub(crate) fn inspect<'py>(py: Python<'py>, module: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let found = wasmgate_host::inspect(module)
        .map_err(|error| errors::raise_load(py, "", &error.into()))?;
    let dict = PyDict::new(py);
    dict.set_item("size", found.size)?;
    dict.set_item("digest", found.digest)?;
    dict.set_item("abi", found.abi)?;
    dict.set_item("problem", found.problem.map(|problem| problem.to_string()))?;
    dict.set_item("start", found.start)?;
    dict.set_item("callbacks", found.callbacks)?;
    let imports = found.imports.into_iter();
    let imports: Vec<_> =
        imports.map(|import| (import.module, import.name, import.kind, import.known)).collect();
    dict.set_item("imports", imports)?;
    let asks = found.asks.into_iter();
    let asks: BTreeMap<_, _> =
        asks.map(|(capability, functions)| (capability.name(), functions)).collect();
    dict.set_item("asks", asks)?;
    dict.set_item("memory", found.memory)?;
    dict.set_item("custom_sections", found.custom_sections)?;
    dict.set_item("producers", found.producers)?;
    dict.set_item("target_features", found.target_features)?;
    Ok(dict)
}
