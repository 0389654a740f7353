//! `CalloutAdmission`: how many callouts are in flight.

use std::sync::Arc;

use pyo3::prelude::*;
use wasmgate_dataplane::{self as dataplane, CalloutLimits, OverLimit};

use crate::times::seconds;

/// Callouts in flight of all policies and of one, bytes of a request and of a response, and the seconds
/// of a callout.
pub(crate) type CalloutBounds = (usize, usize, usize, usize, f64);

pub(crate) fn limits(
    (in_flight, per_policy, request, response, time): CalloutBounds,
) -> PyResult<CalloutLimits> {
    Ok(CalloutLimits { in_flight, per_policy, request, response, time: seconds(time)? })
}

/// Counts callouts in flight, of an event loop and of the threads that it has started.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct CalloutAdmission(pub(crate) Arc<dataplane::CalloutAdmission>);

/// The place of one callout, until it is dropped.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct CalloutPlace {
    #[allow(dead_code, reason = "it counts while it lives")]
    place: dataplane::CalloutPlace,
}

#[pymethods]
impl CalloutAdmission {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    /// The place of a callout whose request has so many bytes; or the limit that is reached, and whether
    /// the log is to have a line about it.
    fn enter(
        &self,
        py: Python<'_>,
        policy: &str,
        size: usize,
        bounds: CalloutBounds,
    ) -> PyResult<Py<PyAny>> {
        match self.0.enter(&policy.into(), size, &limits(bounds)?) {
            Ok(place) => Ok(Py::new(py, CalloutPlace { place })?.into_any()),
            Err(OverLimit { exceeded, to_log }) => {
                let pair = (exceeded.to_string(), to_log).into_pyobject(py)?;
                Ok(pair.into_any().unbind())
            }
        }
    }

    /// How many callouts are in flight.
    #[getter]
    fn in_flight(&self) -> usize {
        self.0.in_flight()
    }
}
