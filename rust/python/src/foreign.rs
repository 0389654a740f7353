//! Foreign functions that are Python's.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};
use wasmgate_host::{self as host, ForeignFunction, ForeignFunctions, ForeignResult};

/// The names that every host has for itself.
#[pyfunction]
pub(crate) fn built_in_functions() -> Vec<&'static str> {
    host::built_in_functions().collect()
}

/// Joins what answers at once and what is answered later.
pub(crate) fn functions(
    synchronous: HashMap<String, Py<PyAny>>,
    asynchronous: Vec<String>,
) -> PyResult<ForeignFunctions> {
    let later = asynchronous.into_iter().map(|name| (name, ForeignFunction::Asynchronous));
    let at_once = synchronous.into_iter().map(|(name, function)| {
        let call = move |arguments: &[u8]| call(&function, arguments);
        (name, ForeignFunction::Synchronous(Arc::new(call)))
    });
    let functions: ForeignFunctions = later.chain(at_once).collect();
    match host::built_in_functions().find(|name| functions.contains_key(*name)) {
        Some(name) => Err(PyValueError::new_err(format!("`{name}` is the host's own function"))),
        None => Ok(functions),
    }
}

/// Only the type of an exception is reported: its text may contain data of the request.
fn call(function: &Py<PyAny>, arguments: &[u8]) -> ForeignResult {
    Python::attach(|py| {
        let result = function
            .bind(py)
            .call1((PyBytes::new(py, arguments),))
            .map_err(|error| format!("raised {}", name_of(&error.get_type(py))))?;
        match result.cast::<PyBytes>() {
            Ok(bytes) => Ok(bytes.as_bytes().to_vec()),
            Err(_) => Err(format!("answered {}, not bytes", name_of(&result.get_type()))),
        }
    })
}

fn name_of(class: &Bound<'_, PyType>) -> String {
    class.qualname().map_or_else(|_| "something".to_owned(), |name| name.to_string())
}
