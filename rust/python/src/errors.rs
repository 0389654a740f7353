//! The host's errors as the exceptions that `wasmgate.errors` defines.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wasmgate_host::Error;

/// The exception for what happened to `policy`.
pub(crate) fn raise(py: Python<'_>, policy: &str, error: &Error) -> PyErr {
    build(py, policy, error).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, policy: &str, error: &Error) -> PyResult<PyErr> {
    let class = match error {
        Error::Busy => return Ok(PyRuntimeError::new_err(error.to_string())),
        Error::WrongThread => "WrongThread",
        Error::OutOfFuel { .. } => "OutOfFuel",
        Error::OutOfMemory { .. } => "OutOfMemory",
        Error::Trap { .. }
        | Error::BackOff
        | Error::InstanceGone
        | Error::TooManyTenants { .. }
        | Error::TenantKey { .. } => "PolicyTrap",
        Error::Load(_) | Error::Instantiate(_) | Error::Refused { .. } => "PolicyLoadError",
    };
    exception(py, class, policy, error)
}

/// What went wrong while a policy was loaded is a `PolicyLoadError`, also a trap.
pub(crate) fn raise_load(py: Python<'_>, policy: &str, error: &Error) -> PyErr {
    exception(py, "PolicyLoadError", policy, error).unwrap_or_else(|failure| failure)
}

fn exception(py: Python<'_>, class: &str, policy: &str, error: &Error) -> PyResult<PyErr> {
    let class = py.import("wasmgate.errors")?.getattr(class)?;
    if matches!(error, Error::WrongThread) {
        return Ok(PyErr::from_value(class.call1((error.to_string(),))?));
    }
    let arguments = PyDict::new(py);
    arguments.set_item("policy", policy)?;
    let message = format!("policy '{policy}': {error}");
    Ok(PyErr::from_value(class.call((message,), Some(&arguments))?))
}
